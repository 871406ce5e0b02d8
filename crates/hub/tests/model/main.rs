//! The refresh protocol as a model, checked in every order of its steps.
//!
//! docs/decisions/0003-refresh-model.md says what is modelled and how it maps to the code. The
//! broken variants show that the invariants would notice.

#![allow(clippy::print_stdout, reason = "the counts of states are worth reading")]

mod actions;
mod properties;
mod provider;
mod state;
mod steps;
mod variants;

use std::{collections::BTreeSet, time::Instant};

use stateright::{Checker, HasDiscoveries, Model};

use actions::Protocol;
use properties::{
    NO_EARLY_REUSE, NOTHING_DISCARDED, NOTHING_LOST, ONE_REQUEST, REAUTH_ON_EVIDENCE,
};
use provider::Class;
use state::Budget;
use variants::Variant;

const BUDGET: Budget = Budget { claims: 5, crashes: 2, losses: 1, partitions: 1, timeouts: 1 };

/// Here every order of two answers makes states of its own: a fifth claim and a second crash would
/// make ten times as many.
const BUDGET_WITH_NEW_TOKENS: Budget = Budget { claims: 4, crashes: 1, ..BUDGET };

/// Enough for every counterexample.
const BUDGET_OF_VARIANTS: Budget = Budget { claims: 3, crashes: 1, ..BUDGET };

/// Every reachable state is looked at; fewer than `floor` would mean that the model has shrunk.
fn loses_nothing(class: Class, budget: Budget, floor: usize) {
    let begun = Instant::now();
    let model = Protocol { class, variant: Variant::AsDesigned, budget, unmirrored: true };
    let checker = model.checker().threads(2).spawn_bfs().join();
    let unique = checker.unique_state_count();
    println!(
        "{class:?}: {unique} states, {} steps between them, {} deep, {:.1} s",
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed().as_secs_f32()
    );
    checker.assert_properties();
    assert!(unique >= floor, "only {unique} states");
}

/// The variant breaks this invariant.
fn is_caught(class: Class, variant: Variant, invariant: &'static str) {
    let model = Protocol { class, variant, budget: BUDGET_OF_VARIANTS, unmirrored: false };
    let wanted = HasDiscoveries::AnyOf(BTreeSet::from([invariant]));
    let checker = model.checker().finish_when(wanted).spawn_bfs().join();
    let unique = checker.unique_state_count();
    let path = checker.assert_any_discovery(invariant).into_actions();
    println!("{variant:?}, {class:?}: {} steps, found in {unique} states: {path:?}", path.len());
}

#[test]
fn strict_providers_lose_nothing() {
    loses_nothing(Class::Strict, BUDGET, 1_800_000);
}

#[test]
fn replay_safe_providers_lose_nothing() {
    loses_nothing(Class::ReplaySafe, BUDGET, 900_000);
}

#[test]
fn replay_safe_providers_that_answer_with_new_tokens_lose_nothing() {
    loses_nothing(Class::ReplaySafeNewTokens, BUDGET_WITH_NEW_TOKENS, 1_000_000);
}

#[test]
fn static_providers_lose_nothing() {
    loses_nothing(Class::Static, BUDGET, 550_000);
}

#[test]
fn parsing_before_the_journal_is_caught() {
    is_caught(Class::Strict, Variant::ParseBeforeJournal, NOTHING_DISCARDED);
}

#[test]
fn saving_only_while_the_lease_is_ours_is_caught() {
    is_caught(Class::Strict, Variant::SaveOnlyWhileLeased, NOTHING_DISCARDED);
    is_caught(Class::ReplaySafe, Variant::SaveOnlyWhileLeased, NOTHING_DISCARDED);
}

#[test]
fn a_quiet_time_shorter_than_the_deadline_is_caught() {
    is_caught(Class::ReplaySafe, Variant::QuietShorterThanDeadline, ONE_REQUEST);
}

#[test]
fn clearing_the_quiet_time_in_anothers_lease_is_caught() {
    is_caught(Class::ReplaySafe, Variant::AnySaveClearsQuiet, ONE_REQUEST);
}

#[test]
fn reauth_on_a_timeout_is_caught() {
    is_caught(Class::Strict, Variant::ReauthOnTimeout, REAUTH_ON_EVIDENCE);
    is_caught(Class::ReplaySafe, Variant::ReauthOnTimeout, REAUTH_ON_EVIDENCE);
}

#[test]
fn sending_without_a_durable_claim_is_caught() {
    is_caught(Class::Strict, Variant::SendWithoutClaim, ONE_REQUEST);
    is_caught(Class::Static, Variant::SendWithoutClaim, ONE_REQUEST);
}

#[test]
fn replaying_a_journal_after_the_generation_moved_is_caught() {
    is_caught(Class::Strict, Variant::ReplayIgnoresGeneration, NOTHING_DISCARDED);
    is_caught(Class::ReplaySafe, Variant::ReplayIgnoresGeneration, NOTHING_DISCARDED);
    is_caught(Class::ReplaySafe, Variant::ReplayIgnoresGeneration, NOTHING_LOST);
}

#[test]
fn resending_to_a_strict_provider_at_once_is_caught() {
    is_caught(Class::Strict, Variant::StrictResentAtOnce, NO_EARLY_REUSE);
    is_caught(Class::Strict, Variant::StrictResentAtOnce, NOTHING_LOST);
}

#[test]
fn writing_after_the_deadline_is_caught() {
    is_caught(Class::ReplaySafe, Variant::WriteAfterDeadline, ONE_REQUEST);
}

#[test]
fn waiting_for_the_answer_beyond_the_deadline_is_caught() {
    is_caught(Class::ReplaySafe, Variant::WaitBeyondDeadline, ONE_REQUEST);
}

#[test]
fn acknowledging_before_the_journal_is_replayed_is_caught() {
    is_caught(Class::Strict, Variant::AcknowledgeBeforeReplay, NOTHING_LOST);
}

#[test]
fn throwing_away_a_reply_that_no_longer_fits_is_caught() {
    is_caught(Class::ReplaySafeNewTokens, Variant::NoCandidates, NOTHING_DISCARDED);
    is_caught(Class::ReplaySafeNewTokens, Variant::NoCandidates, NOTHING_LOST);
}

#[test]
fn reauth_before_the_candidates_are_tried_is_caught() {
    is_caught(Class::ReplaySafeNewTokens, Variant::ReauthBeforeCandidates, REAUTH_ON_EVIDENCE);
}

#[test]
fn a_reauth_that_outlives_a_late_save_is_caught() {
    is_caught(Class::ReplaySafeNewTokens, Variant::ReauthOutlivesSave, REAUTH_ON_EVIDENCE);
}

#[test]
fn a_reauth_that_outlives_a_late_candidate_is_caught() {
    is_caught(Class::ReplaySafeNewTokens, Variant::ReauthOutlivesCandidate, REAUTH_ON_EVIDENCE);
}

#[test]
fn releasing_anothers_lease_is_caught() {
    is_caught(Class::ReplaySafe, Variant::ReleaseWithoutFence, ONE_REQUEST);
    is_caught(Class::Strict, Variant::ReleaseWithoutFence, ONE_REQUEST);
}

#[test]
fn acknowledging_in_anothers_lease_is_caught() {
    is_caught(Class::Strict, Variant::AcknowledgeWithoutFence, NO_EARLY_REUSE);
}
