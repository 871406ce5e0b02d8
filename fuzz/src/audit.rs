//! Exports of the audit chain: either their very lines (`r`), or what is done to a sound one.
//!
//! Whoever has not the signing key can make an export that verifies only by leaving off its end, back
//! to an earlier note; and a note that was kept elsewhere finds that too.

mod export;

use data_encoding::{BASE64, HEXLOWER};
use hub::audit::{Finding, Report, Verifier, ZERO, hash};
use serde_json::Value;

use self::export::Export;

/// Marks bytes that are the lines themselves.
const RAW: u8 = b'r';
/// The most things that are done to one export.
const MOST_STEPS: usize = 16;

pub(crate) fn run(data: &[u8]) {
    match data {
        [RAW, lines @ ..] => raw(lines),
        [size, notes, steps @ ..] => spoiled(*size, *notes, steps),
        _ => {}
    }
}

fn raw(lines: &[u8]) {
    let lines: Vec<_> = lines.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    for given in [Some(export::key()), None] {
        if let Ok(report) = verify(Verifier::new(given), &lines) {
            follows(&report, &lines);
        }
    }
}

fn verify(mut verifier: Verifier, lines: &[Vec<u8>]) -> Result<Report, Finding> {
    for line in lines {
        verifier.line(line);
    }
    let decided = verifier.has_decided();
    let outcome = verifier.finish();
    assert!(!decided || outcome.is_err(), "it was bad, and then good");
    if let Err(finding) = &outcome {
        let line = usize::try_from(finding.line).expect("a line's number");
        assert!(line <= lines.len(), "line {line} of {}", lines.len());
        let said = [&finding.id, &finding.at].into_iter().flatten();
        assert!(said.clone().all(|text| text.len() <= 64), "an entry's own text is not bounded");
    }
    outcome
}

/// What verified is a chain, by the rule that is written down.
fn follows(report: &Report, lines: &[Vec<u8>]) {
    let header: Value = serde_json::from_slice(&lines[0]).expect("the header was read");
    let before = header["before"].as_str().and_then(read_hash).expect("the hash before was read");
    let mut last = before;
    let mut place = report.first - 1;
    for (seq, body, kept) in entries(lines) {
        place += 1;
        last = hash(&last, place, &body);
        assert_eq!((seq, kept), (place, last), "an entry that does not follow has verified");
    }
    assert_eq!((report.last, &report.hash), (place, &HEXLOWER.encode(&last)), "another end");
    assert!(report.first > 1 || before == ZERO, "a chain that begins with another hash");
}

fn read_hash(text: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// Place, bytes and hash of the entries among lines.
fn entries(lines: &[Vec<u8>]) -> Vec<(i64, Vec<u8>, [u8; 32])> {
    let entry = |line: &Vec<u8>| {
        let value: Value = serde_json::from_slice(line).ok()?;
        let body = BASE64.decode(value.get("body")?.as_str()?.as_bytes()).ok()?;
        Some((value.get("seq")?.as_i64()?, body, read_hash(value.get("hash")?.as_str()?)?))
    };
    lines.iter().filter_map(entry).collect()
}

fn spoiled(size: u8, notes: u8, steps: &[u8]) {
    let export = Export::new(1 + size % 8, notes);
    let mut lines = export.lines.clone();
    for step in steps.chunks_exact(4).take(MOST_STEPS) {
        let [what, a, b, c] = [step[0], step[1], step[2], step[3]];
        change(&mut lines, what, [usize::from(a), usize::from(b)], c);
    }
    let whole = lines == export.lines;
    let outcome = verify(Verifier::new(Some(export::key())), &lines);
    assert!(!whole || outcome.is_ok(), "a sound export does not verify: {outcome:?}");
    if let Ok(report) = &outcome {
        follows(report, &lines);
        cut_at_most(&export, report, &lines);
    }
    let kept = Verifier::new(Some(export::key())).with_kept(export.last_note.clone());
    if let Ok(report) = verify(kept, &lines) {
        assert_eq!(report.last, export.size, "entries are missing that a kept note covers");
        assert_eq!(report.kept, 1, "the kept note was not compared");
    }
}

/// It is the same chain, whole or back to an earlier note.
fn cut_at_most(export: &Export, report: &Report, lines: &[Vec<u8>]) {
    let (told, real) = (entries(lines), entries(&export.lines));
    assert!(real.starts_with(&told), "entries that were spoiled have verified");
    assert!(export.noted.contains(&report.last), "it ends where nobody signed");
    assert_eq!((report.chain.as_str(), report.first), (export::CHAIN, 1), "it is another chain");
}

/// Does something to the lines that needs no key. `at` is taken modulo what there is.
fn change(lines: &mut Vec<Vec<u8>>, what: u8, at: [usize; 2], value: u8) {
    if lines.is_empty() {
        return;
    }
    let [line, other] = at.map(|at| at % lines.len());
    let byte = (at[1] * 3) % (lines[line].len() + 1);
    match what % 10 {
        0 if byte < lines[line].len() => lines[line][byte] ^= value.max(1),
        1 => drop(lines.remove(line)),
        2 => lines.swap(line, other),
        3 => lines.insert(other, lines[line].clone()),
        4 => lines.truncate(line),
        5 => lines.push(format!("{{\"end\":true,\"count\":{value}}}").into_bytes()),
        6 => lines[line].insert(byte, value),
        7 => lines[line].truncate(byte),
        8 => rewrite(lines, line, value, 1),
        9 => rewrite(lines, line, value, usize::MAX),
        _ => {}
    }
}

/// Changes an entry's bytes, and hashes `count` entries from there on anew: a forger's best.
fn rewrite(lines: &mut [Vec<u8>], from: usize, value: u8, count: usize) {
    let mut last = entries(&lines[..from]).last().map_or(ZERO, |(_, _, kept)| *kept);
    let mut left = count;
    for (index, line) in lines.iter_mut().enumerate().skip(from) {
        let Some((seq, mut body, _)) = entries(std::slice::from_ref(line)).pop() else { continue };
        if left == 0 {
            break;
        }
        left -= 1;
        if index == from {
            body.push(value);
        }
        last = hash(&last, seq, &body);
        *line = export::entry(seq, &body, &last);
    }
}
