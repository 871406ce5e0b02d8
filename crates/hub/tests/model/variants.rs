//! The protocol as it is, and ways to get it wrong.

/// What is changed about the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Nothing.
    AsDesigned,
    /// A reply is read, and waits for the database, before it is in the journal.
    ParseBeforeJournal,
    /// A reply counts only while the lease is ours, and is thrown away otherwise.
    SaveOnlyWhileLeased,
    /// The quiet time is over before the deadline.
    QuietShorterThanDeadline,
    /// Whoever saves clears the quiet time.
    AnySaveClearsQuiet,
    /// No answer is taken for a dead token.
    ReauthOnTimeout,
    /// The row is looked at, not claimed.
    SendWithoutClaim,
    /// A journal is replayed over whatever generation the row has.
    ReplayIgnoresGeneration,
    /// A strict provider's row is claimed again as soon as the quiet time is over.
    StrictResentAtOnce,
    /// The deadline is not looked at before writing.
    WriteAfterDeadline,
    /// The answer is waited for beyond the deadline.
    WaitBeyondDeadline,
    /// A restarted process acknowledges "no answer" before it looks into its journal.
    AcknowledgeBeforeReplay,
    /// A reply that no longer fits is thrown away.
    NoCandidates,
    /// `reauth` without a look at the candidates.
    ReauthBeforeCandidates,
    /// A reply that comes after `reauth` is stored, and the state left.
    ReauthOutlivesSave,
    /// Whoever saves or gives up ends the lease, whosever it is.
    ReleaseWithoutFence,
    /// "No answer" is written over whatever lease the row has.
    AcknowledgeWithoutFence,
    /// A candidate that comes after `reauth` is kept, and not tried.
    ReauthOutlivesCandidate,
}
