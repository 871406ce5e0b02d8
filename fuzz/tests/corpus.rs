//! The kept corpus, and what is near it, through every target.

use std::{fs, panic, path::Path};

use fuzz::{TARGETS, Target};
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};

/// The files of a target's corpus, sorted.
fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let entries = fs::read_dir(&folder).expect("every target has a folder of its name in corpus/");
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("a readable folder");
            let bytes = fs::read(entry.path()).expect("the corpus has readable files alone");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    files.sort();
    files
}

/// The files on which a law does not hold.
fn replay(target: &Target) -> Vec<String> {
    let files = corpus(target);
    assert!(files.len() >= 10, "{}: {} files are no corpus", target.name, files.len());
    let fails = |bytes: &[u8]| panic::catch_unwind(|| (target.run)(bytes)).is_err();
    files.into_iter().filter(|(_, bytes)| fails(bytes)).map(|(name, _)| name).collect()
}

/// A kept file with some of its bytes cut out, overwritten, or taken from another.
fn near(target: &Target, cases: u32) {
    let files: Vec<Vec<u8>> = corpus(target).into_iter().map(|(_, bytes)| bytes).collect();
    let change = (any::<Index>(), any::<Index>(), 0..12_usize, any::<[u8; 8]>(), 0..9_usize);
    let changes = proptest::collection::vec(change, 0..6);
    let cut = (any::<Index>(), changes).prop_map(|(file, changes)| {
        let mut bytes = file.get(&files).clone();
        for (at, other, cut, put, count) in changes {
            let at = at.index(bytes.len() + 1);
            let end = (at + cut).min(bytes.len());
            let from = other.get(&files);
            let put = if count == 8 { &from[..from.len().min(40)] } else { &put[..count] };
            bytes.splice(at..end, put.iter().copied());
        }
        bytes
    });
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&cut, |bytes| {
        (target.run)(&bytes);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{}: {error}", target.name));
}

macro_rules! replayed {
    ($($name:ident: $cases:expr,)*) => {
        /// The targets that have tests here.
        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
        $(mod $name {
            use super::*;

            #[test]
            fn keeps_its_laws_on_the_corpus() {
                let target = fuzz::target(stringify!($name)).unwrap();
                assert_eq!(replay(target), Vec::<String>::new());
            }

            #[test]
            fn keeps_its_laws_near_the_corpus() {
                near(fuzz::target(stringify!($name)).unwrap(), $cases);
            }
        })*
    };
}

// So many cases as take a second or two, unoptimised.
replayed! {
    audit: 64,
    callback: 1000,
    envelope: 500,
    manifest: 150,
    tenant_host: 300,
    token_reply: 1000,
}

#[test]
fn every_target_is_replayed() {
    assert_eq!(TARGETS.map(|target| target.name), REPLAYED);
}

#[test]
fn a_replay_names_the_file_that_breaks_a_law() {
    let picky = Target { name: "callback", run: |bytes| assert!(!bytes.is_empty(), "empty") };
    assert_eq!(replay(&picky), ["empty"]);
}
