//! `valetkey audit verify`: reads an export and tells whether it holds.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use hub::audit::{Finding, MOST_LINE, MOST_NOTE, Report, Verifier, VerifierKey};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::table::count;
use crate::config::colour_wanted;

/// Smaller files are through before a bar could be seen.
const WORTH_A_BAR: u64 = 8 * 1024 * 1024;
/// Something is wrong with the export.
const WRONG: u8 = 1;
/// It could not be checked.
const UNCHECKED: u8 = 2;

#[derive(Args)]
pub(super) struct VerifyArgs {
    /// The export; `-` for standard input
    file: PathBuf,
    /// The hub's key, as `valetkey audit key` printed it and you wrote it down
    #[arg(long)]
    vkey: Option<VerifierKey>,
    /// A note that you kept earlier, as the API gave it: the export must still fit it. Can be repeated
    #[arg(long, value_name = "FILE")]
    last_note: Vec<PathBuf>,
    /// The place at which the export begins, where you asked for a part of the chain
    #[arg(long, value_name = "PLACE")]
    from: Option<i64>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

/// Checks the export, prints what came of it, and says it by its exit code too.
pub(super) fn verify(args: &VerifyArgs) -> ExitCode {
    let outcome = match check(args) {
        Ok(outcome) => outcome,
        Err(why) => {
            complain(&why);
            return ExitCode::from(UNCHECKED);
        }
    };
    let text = if args.json { as_json(&outcome) } else { as_text(&outcome, args) };
    if io::stdout().write_all(text.as_bytes()).is_err() {
        return ExitCode::from(UNCHECKED);
    }
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(WRONG) }
}

#[allow(clippy::print_stderr, reason = "a person reads it")]
fn complain(why: &str) {
    eprintln!("valetkey: {why}");
}

fn check(args: &VerifyArgs) -> Result<Result<Report, Finding>, String> {
    let mut verifier = Verifier::new(args.vkey.clone());
    if let Some(place) = args.from {
        verifier = verifier.beginning_at(place);
    }
    for path in &args.last_note {
        verifier = verifier.with_kept(note(path)?);
    }
    let told = |error: io::Error| format!("{}: {error}", args.file.display());
    let (input, bar): (Box<dyn Read>, _) = if args.file == Path::new("-") {
        (Box::new(io::stdin()), ProgressBar::hidden())
    } else {
        let file = File::open(&args.file).map_err(told)?;
        let size = file.metadata().map_err(told)?.len();
        (Box::new(file), bar(size))
    };
    feed(verifier, input, &bar).map_err(told)
}

fn feed(
    mut verifier: Verifier,
    input: Box<dyn Read>,
    bar: &ProgressBar,
) -> io::Result<Result<Report, Finding>> {
    let mut input = BufReader::with_capacity(1024 * 1024, input);
    // Enough for the longest line, and for one that is too long to be seen as such.
    let most = MOST_LINE as u64 + 2;
    let mut line = Vec::new();
    while input.by_ref().take(most).read_until(b'\n', &mut line)? > 0 {
        bar.inc(line.len() as u64);
        verifier.line(line.strip_suffix(b"\n").unwrap_or(&line));
        line.clear();
        if verifier.has_decided() {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(verifier.finish())
}

/// Drawn on standard error, and only where that is a terminal.
fn bar(size: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("  {bar:32} {percent}%, {bytes_per_sec}, {eta} left");
    match style {
        Ok(style) if size >= WORTH_A_BAR => {
            ProgressBar::new(size).with_style(style.progress_chars("━━─"))
        }
        _ => ProgressBar::hidden(),
    }
}

/// A note, or the JSON around it as `GET /v1/audit/checkpoint` gives it.
fn note(path: &Path) -> Result<String, String> {
    let told = |error: io::Error| format!("{}: {error}", path.display());
    let mut text = String::new();
    let most = MOST_NOTE as u64 * 2;
    File::open(path).map_err(told)?.take(most).read_to_string(&mut text).map_err(told)?;
    let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    Ok(json.and_then(|json| json["note"].as_str().map(str::to_owned)).unwrap_or(text))
}

fn as_json(outcome: &Result<Report, Finding>) -> String {
    let json = match outcome {
        Ok(report) => json!({ "ok": true, "report": report }),
        Err(finding) => json!({ "ok": false, "finding": finding }),
    };
    format!("{json}\n")
}

/// How marks are set off.
struct Marks(bool);

impl Marks {
    fn mark(&self, code: &str, mark: &str) -> String {
        if self.0 { format!("  \x1b[{code}m{mark}\x1b[0m ") } else { format!("  {mark} ") }
    }

    fn good(&self, text: &str) -> String {
        format!("{}{text}\n", self.mark("32", "✓"))
    }

    fn bad(&self, text: &str) -> String {
        format!("{}{text}\n", self.mark("1;31", "✗"))
    }

    fn careful(&self, text: &str) -> String {
        format!("{}{text}\n", self.mark("1;33", "!"))
    }
}

fn as_text(outcome: &Result<Report, Finding>, args: &VerifyArgs) -> String {
    let marks = Marks(colour_wanted() && io::stdout().is_terminal());
    match outcome {
        Ok(report) => told_good(report, &marks),
        Err(finding) => told_bad(finding, args, &marks),
    }
}

fn told_good(report: &Report, marks: &Marks) -> String {
    let Report { first, last, notes, chain, origin, vkey, .. } = report;
    let entries = grouped(last - first + 1);
    let places = format!("places {} to {}", grouped(*first), grouped(*last));
    let mut text =
        marks.good(&format!("{entries} entries of {chain} follow one another: {places}"));
    if let Some(cut) = report.cut {
        text += &marks.good(&format!("cut behind place {}, and that is signed", grouped(cut)));
    }
    text += &marks.good(&format!(
        "{} {} signed for {origin}, the last over place {}",
        count(*notes),
        if *notes == 1 { "note is" } else { "notes are" },
        grouped(*last)
    ));
    if report.kept > 0 {
        text += &marks.good(&format!("{} of the notes that you kept fit", report.kept));
    }
    if report.kept_before > 0 {
        text += &marks.careful(&format!(
            "{} of the notes that you kept are from before its first entry: not compared",
            report.kept_before
        ));
    }
    if !report.key_given {
        text += &marks.careful("THE KEY WAS TAKEN FROM THE EXPORT ITSELF: whoever made the file may have made the key.");
        text += "    If you wrote the hub's key down, compare it, or give it with --vkey:\n    ";
        text += vkey;
        text.push('\n');
    }
    text
}

fn told_bad(finding: &Finding, args: &VerifyArgs, marks: &Marks) -> String {
    let places = match (finding.first, finding.last) {
        (Some(first), Some(last)) if first == last => format!("entry {}", grouped(first)),
        (Some(first), Some(last)) => format!("entries {} to {}", grouped(first), grouped(last)),
        _ => "the export".to_owned(),
    };
    let said = match (&finding.id, &finding.at) {
        (Some(id), Some(at)) => format!(" ({id}, {at})"),
        (Some(one), None) | (None, Some(one)) => format!(" ({one})"),
        (None, None) => String::new(),
    };
    let file = args.file.display();
    let Finding { fault, line, detail, .. } = finding;
    marks.bad(&format!("{fault}: {places}{said}, line {line} of {file}")) + "    " + detail + "\n"
}

/// A place or a number of places, as people read it.
fn grouped(number: i64) -> String {
    count(u64::try_from(number).unwrap_or_default())
}
