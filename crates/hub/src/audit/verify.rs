//! Looks through an export, line by line, with nothing but the export and a key.

use std::{collections::BTreeMap, mem};

use data_encoding::HEXLOWER;

use super::{
    ZERO,
    chain::hash,
    finding::{Fault, Finding, Report},
    lines::{Header, Line, read_hash},
    note::{Checkpoint, VerifierKey},
};

/// The longest line that is read, in bytes.
pub const MOST_LINE: usize = 4 * 1024 * 1024;
/// The most notes from elsewhere.
const MOST_KEPT: usize = 10_000;
/// No chain gets this long; adding one to a place never overflows.
const MOST_PLACE: i64 = 1 << 53;

/// Checks an export as it is read.
pub struct Verifier {
    given: Option<VerifierKey>,
    begins_at: Option<i64>,
    kept: Vec<String>,
    line: u64,
    state: State,
}

enum State {
    /// Nothing was read yet.
    Start,
    /// So far all is well.
    Chain(Box<Chain>),
    /// Entries are missing here, unless they come later.
    Gap(Finding),
    /// Something is wrong.
    Bad(Finding),
}

/// The chain up to the last line.
struct Chain {
    header: Header,
    key: VerifierKey,
    place: i64,
    hash: [u8; 32],
    /// How far notes vouch for it.
    vouched: i64,
    notes: u64,
    origin: String,
    /// Notes from elsewhere, by place.
    kept: BTreeMap<i64, [u8; 32]>,
    kept_fit: u64,
    kept_before: u64,
    ended: bool,
}

impl Verifier {
    /// With the key as it is known from elsewhere; without, the one in the export is believed.
    pub fn new(key: Option<VerifierKey>) -> Self {
        Self { given: key, begins_at: None, kept: Vec::new(), line: 0, state: State::Start }
    }

    /// Takes an export that begins at this place for whole.
    #[must_use]
    pub fn beginning_at(self, place: i64) -> Self {
        Self { begins_at: Some(place), ..self }
    }

    /// Compares with a note that was kept elsewhere: its chain must be a part of this one.
    #[must_use]
    pub fn with_kept(mut self, note: String) -> Self {
        if self.kept.len() < MOST_KEPT {
            self.kept.push(note);
        } else {
            self.state = State::Bad(Finding::new(
                Fault::Malformed,
                0,
                format!("more than {MOST_KEPT} notes were given to compare with"),
            ));
        }
        self
    }

    /// Reads the next line, without its line feed.
    pub fn line(&mut self, line: &[u8]) {
        self.line += 1;
        let now = mem::replace(&mut self.state, State::Start);
        self.state = match now {
            State::Bad(finding) => State::Bad(finding),
            _ if line.len() > MOST_LINE => {
                let why = format!("a line is longer than {MOST_LINE} bytes");
                State::Bad(Finding::new(Fault::Malformed, self.line, why))
            }
            State::Start => self.first(line),
            State::Chain(chain) => chain.line(self.line, line),
            State::Gap(finding) => gap(finding, line),
        };
    }

    /// Whether what comes can't change the outcome any more.
    pub fn has_decided(&self) -> bool {
        matches!(self.state, State::Bad(_))
    }

    /// What came of it, once all lines are read.
    pub fn finish(self) -> Result<Report, Finding> {
        let line = self.line;
        match self.state {
            State::Start => Err(Finding::new(Fault::Truncated, line, "there is nothing in it")),
            State::Gap(finding) | State::Bad(finding) => Err(finding),
            State::Chain(chain) => chain.finish(line, self.given.is_some()),
        }
    }

    fn first(&mut self, line: &[u8]) -> State {
        match Chain::begin(line, self.given.clone(), self.begins_at, mem::take(&mut self.kept)) {
            Ok(chain) => State::Chain(Box::new(chain)),
            Err(finding) => State::Bad(finding),
        }
    }
}

/// Entries are missing; they may stand further down.
fn gap(missing: Finding, line: &[u8]) -> State {
    let (Some(first), Some(last)) = (missing.first, missing.last) else {
        return State::Bad(missing);
    };
    match Line::read(line) {
        Some(Line::Entry { seq, body, .. }) if (first..=last).contains(&seq) => {
            let detail = format!("entry {seq} stands behind a later one");
            let found = Finding { fault: Fault::Reordered, detail, ..missing };
            State::Bad(found.places(first, first).entry(&body))
        }
        _ => State::Gap(missing),
    }
}

impl Chain {
    fn begin(
        line: &[u8],
        given: Option<VerifierKey>,
        begins_at: Option<i64>,
        kept: Vec<String>,
    ) -> Result<Self, Finding> {
        let bad = |fault, why: &str| Finding::new(fault, 1, why);
        let header = Header::read(line).ok_or_else(|| {
            bad(Fault::Malformed, "the first line is not that of an audit export of version 1")
        })?;
        let before = read_hash(&header.before).filter(|_| (1..=MOST_PLACE).contains(&header.first));
        let before =
            before.ok_or_else(|| bad(Fault::Malformed, "it does not say where it begins"))?;
        let key = match given {
            Some(key) => key,
            None => header.vkey.parse().map_err(|_| bad(Fault::Malformed, "its key is none"))?,
        };
        let place = header.first - 1;
        let origin = header.origin.clone();
        let mut chain = Self {
            header,
            key,
            place,
            hash: before,
            vouched: place,
            notes: 0,
            origin,
            kept: BTreeMap::new(),
            kept_fit: 0,
            kept_before: 0,
            ended: false,
        };
        chain.check_beginning(begins_at)?;
        for note in kept {
            chain.keep(&note)?;
        }
        chain.compare_kept(1)?;
        Ok(chain)
    }

    /// The chain's own beginning, a signed cut, or the place that was expected.
    fn check_beginning(&self, begins_at: Option<i64>) -> Result<(), Finding> {
        let cut = self.cut()?;
        if self.place == 0 {
            let why = "the first entry of a chain follows 32 bytes of zero, and it says otherwise";
            let edited = || Finding::new(Fault::Edited, 1, why).places(1, 1);
            return if self.hash == ZERO { Ok(()) } else { Err(edited()) };
        }
        let behind_cut = cut.as_ref().is_some_and(|cut| cut.size == self.place);
        if behind_cut && cut.is_some_and(|cut| cut.hash != self.hash) {
            let why = "the first entry is said to follow another hash than the one that was signed at the cut";
            return Err(Finding::new(Fault::Forked, 1, why).places(self.place, self.place));
        }
        if behind_cut || begins_at == Some(self.header.first) {
            return Ok(());
        }
        let from = self.header.anchor.as_ref().map_or(1, |anchor| anchor.size + 1);
        let why = "the export begins behind them, and no signed anchor says that they were cut";
        Err(Finding::new(Fault::Removed, 1, why).places(from, self.place))
    }

    /// Where the chain was cut, if the signature says so too.
    fn cut(&self) -> Result<Option<Checkpoint>, Finding> {
        let Some(anchor) = &self.header.anchor else { return Ok(None) };
        let said = self.open(&anchor.note).map_err(|why| {
            Finding::new(Fault::BadSignature, 1, format!("of the anchor's note: {why}"))
        })?;
        let same = said.size == anchor.size && read_hash(&anchor.hash) == Some(said.hash);
        if same && said.anchor && said.size < self.header.first {
            return Ok(Some(said));
        }
        Err(Finding::new(Fault::Edited, 1, "the anchor is not the one that was signed"))
    }

    /// What a note says, if it is this chain's and signed with the key.
    fn open(&self, note: &str) -> Result<Checkpoint, String> {
        let said = self.key.open(note).map_err(|why| why.to_string())?;
        if said.origin.ends_with(&format!("/ws/{}", self.header.chain)) {
            Ok(said)
        } else {
            Err("it is of another chain".to_owned())
        }
    }

    fn keep(&mut self, note: &str) -> Result<(), Finding> {
        let said = self.open(note).map_err(|why| {
            Finding::new(Fault::BadSignature, 1, format!("of a note that was kept: {why}"))
        })?;
        if said.size < self.place {
            self.kept_before += 1;
            return Ok(());
        }
        match self.kept.insert(said.size, said.hash) {
            Some(other) if other != said.hash => {
                let why = "two notes that were kept are of two chains; both are signed";
                Err(Finding::new(Fault::Forked, 1, why).places(said.size, said.size))
            }
            _ => Ok(()),
        }
    }

    /// The notes that were kept, at the present place.
    fn compare_kept(&mut self, line: u64) -> Result<(), Finding> {
        match self.kept.remove(&self.place) {
            Some(hash) if hash == self.hash => {
                self.kept_fit += 1;
                self.vouched = self.place;
                Ok(())
            }
            Some(_) => Err(self.forked(line, "a note that was kept")),
            None => Ok(()),
        }
    }

    fn forked(&self, line: u64, what: &str) -> Finding {
        let (first, last) = ((self.vouched + 1).min(self.place), self.place);
        let detail = format!(
            "{what} is signed for place {last} with another hash: the chain was written anew somewhere in these places"
        );
        Finding::new(Fault::Forked, line, detail).places(first, last)
    }

    fn line(mut self: Box<Self>, number: u64, line: &[u8]) -> State {
        let read = Line::read(line);
        let done = match read {
            _ if self.ended => Err(Finding::new(
                Fault::Malformed,
                number,
                "something stands behind the line that ends the export",
            )),
            Some(Line::Entry { seq, .. }) if seq > self.place + 1 => {
                return State::Gap(self.missing(number, seq - 1));
            }
            Some(Line::Entry { seq, body, hash }) => self.entry(number, seq, &body, hash),
            Some(Line::Note(note)) => match self.open(&note) {
                Ok(said) if !said.anchor && said.size > self.place => {
                    return State::Gap(self.missing(number, said.size));
                }
                Ok(said) => self.note(number, said),
                Err(why) => {
                    let detail = format!("of the note behind entry {}: {why}", self.place);
                    let found = Finding::new(Fault::BadSignature, number, detail);
                    Err(found.places(self.place, self.place))
                }
            },
            Some(Line::End { count }) => self.end(number, count),
            None => {
                let next = self.place + 1;
                let why = "the line is neither an entry, nor a note, nor the end";
                Err(Finding::new(Fault::Malformed, number, why).places(next, next))
            }
        };
        match done {
            Ok(()) => State::Chain(self),
            Err(finding) => State::Bad(finding),
        }
    }

    fn missing(&self, line: u64, last: i64) -> Finding {
        let first = self.place + 1;
        Finding::new(Fault::Removed, line, "they are not in the export").places(first, last)
    }

    fn entry(&mut self, line: u64, seq: i64, body: &[u8], kept: [u8; 32]) -> Result<(), Finding> {
        if seq <= self.place {
            let detail = format!("entry {seq} stands again behind entry {}", self.place);
            let found = Finding::new(Fault::Repeated, line, detail);
            return Err(found.places(seq, seq).entry(body));
        }
        if hash(&self.hash, seq, body) != kept {
            let detail = format!(
                "its hash does not follow from its bytes and the entry before it ({})",
                self.place
            );
            return Err(Finding::new(Fault::Edited, line, detail).places(seq, seq).entry(body));
        }
        self.place = seq;
        self.hash = kept;
        self.compare_kept(line)
    }

    fn note(&mut self, line: u64, said: Checkpoint) -> Result<(), Finding> {
        if said.anchor {
            let why = "an anchor stands where a note belongs";
            return Err(Finding::new(Fault::Malformed, line, why));
        }
        if said.size < self.place {
            let detail =
                format!("the note of place {} stands behind entry {}", said.size, self.place);
            return Err(Finding::new(Fault::Reordered, line, detail).places(said.size, said.size));
        }
        if said.hash != self.hash {
            return Err(self.forked(line, "the note here"));
        }
        self.vouched = said.size;
        self.notes += 1;
        self.origin = said.origin;
        Ok(())
    }

    fn end(&mut self, line: u64, count: i64) -> Result<(), Finding> {
        self.ended = true;
        let seen = self.place + 1 - self.header.first;
        if count == seen {
            return Ok(());
        }
        let detail = format!("the last line speaks of {count} entries; {seen} are here");
        let fault = if count > seen { Fault::Truncated } else { Fault::Malformed };
        let next = self.place + 1;
        Err(Finding::new(fault, line, detail).places(next, next))
    }

    fn finish(self, line: u64, key_given: bool) -> Result<Report, Finding> {
        let next = self.place + 1;
        if !self.ended {
            let why = "the line that ends an export is missing";
            return Err(Finding::new(Fault::Truncated, line, why).places(next, next));
        }
        if let Some((size, _)) = self.kept.last_key_value() {
            let why = "a note that was kept is signed for more entries than there are";
            return Err(Finding::new(Fault::Truncated, line, why).places(next, *size));
        }
        if self.vouched < self.place || self.notes == 0 {
            let why = "no note stands behind the last entries, and an export ends with one: it was cut, or is not the hub's";
            let first = if self.notes == 0 { self.header.first } else { self.vouched + 1 };
            return Err(Finding::new(Fault::Unsigned, line, why).places(first, self.place));
        }
        Ok(Report {
            chain: self.header.chain,
            origin: self.origin,
            first: self.header.first,
            last: self.place,
            hash: HEXLOWER.encode(&self.hash),
            notes: self.notes,
            cut: self.header.anchor.map(|anchor| anchor.size),
            vkey: self.key.to_string(),
            key_given,
            kept: self.kept_fit,
            kept_before: self.kept_before,
        })
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
