use proptest::{prelude::*, sample::Index};

use super::*;
use crate::audit::{
    lines::{AnchorLine, write, write_end, write_entry, write_note},
    note::Signer,
};

const CHAIN: &str = "ws_1";

fn signer() -> Signer {
    Signer::new("keys.example.com", &[7; 32])
}

fn key() -> VerifierKey {
    signer().verifier_key()
}

/// An export in its parts, so that a test can spoil one.
#[derive(Clone, Debug)]
struct Export {
    first: i64,
    before: [u8; 32],
    anchor: Option<(i64, [u8; 32], String)>,
    key: String,
    parts: Vec<Part>,
    end: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Entry(i64, Vec<u8>, [u8; 32]),
    Note(i64, String),
}

fn said(size: i64, hash: [u8; 32]) -> Checkpoint {
    Checkpoint { origin: signer().origin(CHAIN), size, hash, anchor: false }
}

/// A chain of these bodies, with notes behind those entries, and behind the last.
fn export(signer: &Signer, bodies: &[(Vec<u8>, bool)]) -> Export {
    let mut parts = Vec::new();
    let mut last = ZERO;
    for (seq, (body, noted)) in (1..).zip(bodies) {
        last = hash(&last, seq, body);
        parts.push(Part::Entry(seq, body.clone(), last));
        if *noted || seq == size(bodies) {
            parts.push(Part::Note(seq, signer.sign(&said(seq, last))));
        }
    }
    let key = signer.verifier_key().to_string();
    Export { first: 1, before: ZERO, anchor: None, key, parts, end: Some(size(bodies)) }
}

fn size<T>(all: &[T]) -> i64 {
    i64::try_from(all.len()).unwrap()
}

impl Export {
    fn lines(&self) -> Vec<Vec<u8>> {
        let mut header = Header::new(CHAIN, signer().origin(CHAIN), self.key.clone());
        header.first = self.first;
        header.before = HEXLOWER.encode(&self.before);
        let anchor = self.anchor.clone();
        header.anchor = anchor.map(|(size, hash, note)| AnchorLine {
            size,
            hash: HEXLOWER.encode(&hash),
            note,
        });
        let mut out = Vec::new();
        write(&mut out, &header);
        for part in &self.parts {
            match part {
                Part::Entry(seq, body, hash) => write_entry(&mut out, *seq, body, hash),
                Part::Note(_, note) => write_note(&mut out, note),
            }
        }
        if let Some(count) = self.end {
            write_end(&mut out, count);
        }
        out.split_inclusive(|byte| *byte == b'\n')
            .map(|line| line[..line.len() - 1].to_vec())
            .collect()
    }

    fn check(&self) -> Result<Report, Finding> {
        run(Verifier::new(Some(key())), &self.lines())
    }

    /// Where the entry of this place is among the parts.
    fn at(&self, place: i64) -> usize {
        self.parts
            .iter()
            .position(|part| matches!(part, Part::Entry(seq, ..) if *seq == place))
            .unwrap()
    }

    /// The chain written anew from this place on; the notes stay.
    fn rewrite(&mut self, from: i64) {
        let mut last = ZERO;
        for part in &mut self.parts {
            if let Part::Entry(seq, body, hash_of) = part {
                if *seq >= from {
                    body.push(b'!');
                    *hash_of = hash(&last, *seq, body);
                }
                last = *hash_of;
            }
        }
    }

    /// The place of the first note at or behind `place`.
    fn next_note(&self, place: i64) -> i64 {
        let note = |part: &Part| match part {
            Part::Note(at, _) if *at >= place => Some(*at),
            _ => None,
        };
        self.parts.iter().find_map(note).unwrap()
    }

    fn keep_until(&mut self, place: i64) {
        self.parts.retain(|part| match part {
            Part::Entry(at, ..) | Part::Note(at, _) => *at <= place,
        });
        self.end = Some(place + 1 - self.first);
    }
}

fn run(mut verifier: Verifier, lines: &[Vec<u8>]) -> Result<Report, Finding> {
    for line in lines {
        verifier.line(line);
    }
    verifier.finish()
}

fn chains() -> impl Strategy<Value = Vec<(Vec<u8>, bool)>> {
    let body = proptest::collection::vec(any::<u8>(), 1..30);
    proptest::collection::vec((body, proptest::bool::weighted(0.2)), 2..40)
}

/// What was done to an export.
#[derive(Clone, Debug)]
enum Harm {
    EditBody,
    EditHash,
    Drop,
    Swap,
    Duplicate,
    Truncate,
    Splice,
    RewriteAll,
    ForgeNote,
    OtherChainsNote,
}

fn harms() -> impl Strategy<Value = Harm> {
    use Harm::{
        Drop, Duplicate, EditBody, EditHash, ForgeNote, OtherChainsNote, RewriteAll, Splice, Swap,
        Truncate,
    };
    proptest::sample::select(vec![
        EditBody,
        EditHash,
        Drop,
        Swap,
        Duplicate,
        Truncate,
        Splice,
        RewriteAll,
        ForgeNote,
        OtherChainsNote,
    ])
}

/// Harms an export at an entry; says what should be found, and in which places.
fn harm(export: &mut Export, how: &Harm, place: i64, rest: Index) -> (Fault, i64, i64) {
    let at = export.at(place);
    match how {
        Harm::EditBody | Harm::EditHash => {
            let Part::Entry(_, body, hash) = &mut export.parts[at] else { unreachable!() };
            let bytes = if matches!(how, Harm::EditBody) { body.as_mut_slice() } else { hash };
            let byte = rest.index(bytes.len());
            bytes[byte] ^= 1;
            (Fault::Edited, place, place)
        }
        Harm::Drop => {
            export.parts.remove(at);
            (Fault::Removed, place, place)
        }
        Harm::Swap => {
            let other = export.at(place + 1);
            export.parts.swap(at, other);
            (Fault::Reordered, place, place)
        }
        Harm::Duplicate => {
            let copy = export.parts[at].clone();
            let to = at + 1 + rest.index(export.parts.len() - at);
            export.parts.insert(to, copy);
            (Fault::Repeated, place, place)
        }
        Harm::Truncate => {
            export.parts.truncate(at);
            export.end = None;
            (Fault::Truncated, place, place)
        }
        Harm::Splice => {
            let mut fork = export.clone();
            fork.rewrite(place);
            // A chain that parted before, from this place on: its first entry here follows another.
            let tail = fork.at(place + 1);
            export.parts.truncate(export.at(place + 1));
            export.parts.extend_from_slice(&fork.parts[tail..]);
            (Fault::Edited, place + 1, place + 1)
        }
        Harm::RewriteAll => {
            export.rewrite(place);
            (Fault::Forked, place, export.next_note(place))
        }
        Harm::ForgeNote | Harm::OtherChainsNote => {
            let noted = export.next_note(place);
            let Part::Entry(_, _, hash) = export.parts[export.at(noted)].clone() else {
                unreachable!()
            };
            let forged = if matches!(how, Harm::ForgeNote) {
                Signer::new("keys.example.com", &[8; 32]).sign(&said(noted, hash))
            } else {
                signer().sign(&Checkpoint { origin: signer().origin("ws_2"), ..said(noted, hash) })
            };
            let note = export
                .parts
                .iter_mut()
                .find(|part| matches!(part, Part::Note(at, _) if *at == noted));
            *note.unwrap() = Part::Note(noted, forged);
            (Fault::BadSignature, noted, noted)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_is_done_to_an_export_is_found_and_named(
        bodies in chains(), how in harms(), at in any::<Index>(), rest in any::<Index>()
    ) {
        let mut export = export(&signer(), &bodies);
        prop_assert!(export.check().is_ok());
        let place = i64::try_from(at.index(bodies.len() - 1)).unwrap() + 1;
        let (fault, first, last) = harm(&mut export, &how, place, rest);
        let found = export.check().expect_err("it is found");
        prop_assert_eq!(found.fault, fault, "{:?}", found);
        let named = found.first.unwrap()..=found.last.unwrap();
        prop_assert!(named.contains(&first) && *named.end() == last, "{:?}: {}-{}", found, first, last);
    }

    #[test]
    fn a_file_that_ends_anywhere_too_early_is_found(bodies in chains(), at in any::<Index>()) {
        let lines = export(&signer(), &bodies).lines();
        let left = at.index(lines.len());
        let found = run(Verifier::new(Some(key())), &lines[..left]).expect_err("it is found");
        prop_assert_eq!(found.fault, Fault::Truncated);
    }

    #[test]
    fn a_byte_that_was_changed_anywhere_in_the_chain_is_found(
        bodies in chains(), line in any::<Index>(), at in any::<Index>(), with in any::<u8>()
    ) {
        let mut lines = export(&signer(), &bodies).lines();
        let line = 1 + line.index(lines.len() - 1);
        let at = at.index(lines[line].len());
        prop_assume!(lines[line][at] != with);
        lines[line][at] = with;
        let before: Vec<_> = export(&signer(), &bodies).lines();
        // White space between the members means nothing.
        prop_assume!(Line::read(&lines[line]) != Line::read(&before[line]));
        prop_assert!(run(Verifier::new(Some(key())), &lines).is_err());
    }

    #[test]
    fn no_bytes_break_it(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..9)) {
        prop_assert!(run(Verifier::new(None), &lines).is_err());
    }
}

fn ten() -> Export {
    let bodies: Vec<_> = (1..=10_u8)
        .map(|n| (format!(r#"{{"id":"aud_{n}","at":"2026-11-25T12:00:0{}Z"}}"#, n % 10), n == 5))
        .map(|(body, noted)| (body.into_bytes(), noted))
        .collect();
    export(&signer(), &bodies)
}

fn note_at(export: &Export, place: i64) -> String {
    let note = |part: &Part| match part {
        Part::Note(at, note) if *at == place => Some(note.clone()),
        _ => None,
    };
    export.parts.iter().find_map(note).unwrap()
}

#[test]
fn a_whole_export_is_told_in_numbers() {
    let report = ten().check().unwrap();
    assert_eq!((report.first, report.last, report.notes), (1, 10, 2));
    assert_eq!(report.origin, "keys.example.com/ws/ws_1");
    assert!(report.key_given);
}

#[test]
fn a_finding_names_line_place_id_and_time() {
    let mut export = ten();
    let at = export.at(7);
    let Part::Entry(_, body, _) = &mut export.parts[at] else { unreachable!() };
    body.push(b' ');
    let found = export.check().unwrap_err();
    assert_eq!((found.fault, found.line, found.first), (Fault::Edited, 9, Some(7)));
    assert_eq!(found.id.as_deref(), Some("aud_7"));
    assert_eq!(found.at.as_deref(), Some("2026-11-25T12:00:07Z"));
}

#[test]
fn an_export_in_which_nothing_is_signed_proves_nothing() {
    let mut export = ten();
    export.parts.retain(|part| matches!(part, Part::Entry(..)));
    let found = export.check().unwrap_err();
    assert_eq!((found.fault, found.first, found.last), (Fault::Unsigned, Some(1), Some(10)));
}

#[test]
fn entries_behind_the_last_note_are_not_believed() {
    let mut export = ten();
    export.parts.pop();
    let found = export.check().unwrap_err();
    assert_eq!((found.fault, found.first, found.last), (Fault::Unsigned, Some(6), Some(10)));
}

#[test]
fn an_export_of_somebody_elses_key_passes_only_where_no_key_is_given() {
    let mut forged = ten();
    let other = Signer::new("keys.example.com", &[8; 32]);
    forged.key = other.verifier_key().to_string();
    for part in &mut forged.parts {
        if let Part::Note(_, note) = part {
            *note = other.sign(&key().open(note).unwrap());
        }
    }
    assert_eq!(forged.check().unwrap_err().fault, Fault::BadSignature);
    let report = run(Verifier::new(None), &forged.lines()).unwrap();
    assert!(!report.key_given, "and then the report says so");
}

#[test]
fn a_whole_note_with_its_entries_may_be_missing_at_the_end_unless_a_note_was_kept() {
    let whole = ten();
    let kept = note_at(&whole, 10);
    let mut short = whole.clone();
    short.keep_until(5);
    assert_eq!(short.check().unwrap().last, 5, "nothing in the file itself tells of it");
    let verifier = Verifier::new(Some(key())).with_kept(kept);
    let found = run(verifier, &short.lines()).unwrap_err();
    assert_eq!((found.fault, found.first, found.last), (Fault::Truncated, Some(6), Some(10)));
}

#[test]
fn a_chain_that_was_written_and_signed_anew_is_told_from_a_note_that_was_kept() {
    let kept = note_at(&ten(), 5);
    let mut anew = ten();
    anew.rewrite(4);
    let mut signed = anew.clone();
    for part in &mut signed.parts {
        let Part::Note(at, note) = part else { continue };
        let Part::Entry(_, _, hash) = anew.parts[anew.at(*at)] else { unreachable!() };
        *note = signer().sign(&said(*at, hash));
    }
    assert!(signed.check().is_ok(), "whoever has the signing key can do so");
    let found = run(Verifier::new(Some(key())).with_kept(kept), &signed.lines()).unwrap_err();
    assert_eq!((found.fault, found.first, found.last), (Fault::Forked, Some(1), Some(5)));
}

#[test]
fn notes_that_were_kept_are_compared_and_counted() {
    let whole = ten();
    let mut verifier = Verifier::new(Some(key()));
    for place in [5, 10] {
        verifier = verifier.with_kept(note_at(&whole, place));
    }
    assert_eq!(run(verifier, &whole.lines()).unwrap().kept, 2);
    let forged = Signer::new("keys.example.com", &[8; 32]).sign(&said(5, ZERO));
    let verifier = Verifier::new(Some(key())).with_kept(forged);
    assert_eq!(run(verifier, &whole.lines()).unwrap_err().fault, Fault::BadSignature);
}

/// The same chain, cut behind place 5.
fn cut() -> Export {
    let mut export = ten();
    let Part::Entry(_, _, hash) = export.parts[export.at(5)] else { unreachable!() };
    export.parts.retain(|part| match part {
        Part::Entry(at, ..) => *at > 5,
        Part::Note(..) => true,
    });
    let note = signer().sign(&Checkpoint { anchor: true, ..said(5, hash) });
    Export { first: 6, before: hash, anchor: Some((5, hash, note)), end: Some(5), ..export }
}

#[test]
fn a_chain_may_begin_behind_a_signed_cut_and_nowhere_else() {
    let whole = cut();
    let report = whole.check().unwrap();
    assert_eq!((report.first, report.last, report.cut), (6, 10, Some(5)));
    let bare = Export { anchor: None, ..whole.clone() };
    let found = bare.check().unwrap_err();
    assert_eq!((found.fault, found.first, found.last), (Fault::Removed, Some(1), Some(5)));
    let asked = Verifier::new(Some(key())).beginning_at(6);
    assert!(run(asked, &bare.lines()).is_ok(), "a part that was asked for");
    let anchor = whole.anchor.clone().unwrap();
    let forged = Signer::new("keys.example.com", &[8; 32])
        .sign(&Checkpoint { anchor: true, ..said(5, anchor.1) });
    let forged = Export { anchor: Some((5, anchor.1, forged)), ..whole.clone() };
    assert_eq!(forged.check().unwrap_err().fault, Fault::BadSignature);
    let plain = Export { anchor: Some((5, anchor.1, signer().sign(&said(5, anchor.1)))), ..whole };
    assert_eq!(plain.check().unwrap_err().fault, Fault::Edited, "an ordinary note is no anchor");
}

#[test]
fn a_cut_that_was_moved_is_found() {
    let mut moved = cut();
    moved.before = [1; 32];
    assert_eq!(moved.check().unwrap_err().fault, Fault::Forked);
    let mut more = cut();
    more.parts.retain(|part| !matches!(part, Part::Entry(6, ..)));
    more.first = 7;
    more.end = Some(4);
    let found = more.check().unwrap_err();
    assert_eq!((found.fault, found.first, found.last), (Fault::Removed, Some(6), Some(6)));
}

#[test]
fn a_note_of_a_place_before_the_cut_can_not_be_compared_and_is_counted() {
    let early = signer().sign(&said(3, [3; 32]));
    let verifier = Verifier::new(Some(key())).with_kept(early);
    assert_eq!(run(verifier, &cut().lines()).unwrap().kept_before, 1);
}

#[test]
fn a_line_that_is_too_long_ends_it() {
    let mut verifier = Verifier::new(None);
    verifier.line(&vec![b' '; MOST_LINE + 1]);
    assert!(verifier.has_decided());
    assert_eq!(verifier.finish().unwrap_err().fault, Fault::Malformed);
}
