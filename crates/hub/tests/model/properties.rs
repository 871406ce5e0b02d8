//! What must hold in every state, and what must be reachable for that to mean anything.

use stateright::Property;

use crate::{
    actions::Protocol,
    provider::{Class, Reply},
    state::{Hold, RowState, Stage, State},
};

pub(crate) const ONE_REQUEST: &str = "I1: at most one request is in flight";
pub(crate) const NO_EARLY_REUSE: &str =
    "I2: a strict token is presented again only after acknowledgement or the end of the hold";
pub(crate) const NOTHING_DISCARDED: &str = "I3: a journaled reply is never discarded";
pub(crate) const REAUTH_ON_EVIDENCE: &str = "I4: reauth only on definitive evidence";
pub(crate) const NOTHING_LOST: &str = "a connection is never lost through our own fault";

pub(crate) fn all(class: Class) -> Vec<Property<Protocol>> {
    let mut properties = vec![
        Property::always(ONE_REQUEST, |_, state: &State| state.requests.len() <= 1),
        Property::always(NO_EARLY_REUSE, |_, state: &State| !state.history.presented_early),
        Property::always(NOTHING_DISCARDED, |_, state: &State| {
            state.history.owed.iter().all(|token| is_kept(state, token))
        }),
        Property::always(REAUTH_ON_EVIDENCE, |_, state: &State| {
            state.row.state != RowState::Reauth
                || (state.history.refused.contains(state.row.token)
                    && state.row.candidates.is_empty())
        }),
        Property::always(NOTHING_LOST, |protocol: &Protocol, state: &State| {
            is_excused(protocol.class, state) || (!state.provider.revoked && is_well(state))
        }),
        Property::sometimes(
            "a reply is saved by a process whose lease was lost",
            |_, state: &State| {
                any_stage(state, |stage| matches!(stage, Stage::Recorded { late: true }))
            },
        ),
        Property::sometimes("a journal is replayed after a restart", |_, state: &State| {
            any_stage(state, |stage| matches!(stage, Stage::Journaled { replayed: true }))
        }),
        Property::sometimes("a peer recovers the row", |_, state: &State| {
            any_stage(state, |stage| matches!(stage, Stage::Claimed { from_peer: true, .. }))
        }),
        Property::sometimes("two generations and more are stored", |_, state: &State| {
            state.is_quiescent() && state.row.generation > 2
        }),
    ];
    match class {
        Class::Strict => {
            properties.push(Property::sometimes("a last try is sent", |_, state: &State| {
                state.row.hold == Hold::Used
                    && any_stage(state, |stage| matches!(stage, Stage::Sent(_)))
            }));
            properties
                .push(Property::sometimes("an excused loss ends in reauth", |_, state: &State| {
                    state.row.state == RowState::Reauth
                }));
        }
        Class::ReplaySafeNewTokens => {
            properties.push(Property::sometimes("a candidate is used", |_, state: &State| {
                let good = |stage: &Stage| matches!(stage, Stage::Answered(lease, Reply::Token(_)) if lease.token == state.row.token);
                state.row.from_candidate && any_stage(state, good)
            }));
        }
        Class::Static | Class::ReplaySafe => {}
    }
    properties
}

fn any_stage(state: &State, wanted: impl Fn(&Stage) -> bool) -> bool {
    state.replicas.iter().any(|replica| wanted(&replica.stage))
}

/// In the row, among its candidates, or in a journal. A broken variant may still hold it in memory.
fn is_kept(state: &State, token: u8) -> bool {
    let is_it = |reply| reply == Reply::Token(token);
    state.row.token == token
        || state.row.candidates.contains(token)
        || state.replicas.iter().any(|replica| {
            replica.journal.is_some_and(|entry| is_it(entry.reply))
                || matches!(replica.stage, Stage::Parsed(entry) if is_it(entry.reply))
        })
}

/// What the protocol can't prevent: SECURITY.md says so.
fn is_excused(class: Class, state: &State) -> bool {
    let history = &state.history;
    match class {
        Class::Static | Class::ReplaySafe => false,
        Class::ReplaySafeNewTokens => history.excused && history.grace_ended,
        Class::Strict => history.excused,
    }
}

/// When everything has come to rest, the hub has a token that works and goes on to use it.
fn is_well(state: &State) -> bool {
    let works = |token| state.provider.honours(token);
    !state.is_quiescent()
        || (state.row.state != RowState::Reauth
            && (works(state.row.token) || state.row.candidates.iter().any(works)))
}
