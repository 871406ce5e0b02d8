//! What can happen next, in any order that timing allows.

use stateright::{Model, Property};

use crate::{
    properties,
    provider::Class,
    state::{Budget, Hold, RowState, Stage, State},
    variants::Variant,
};

/// The number is a replica's, for `Process` and `LoseRequest` a request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Claim(usize),
    Recheck(usize),
    /// Nothing was sent, and nothing will be.
    GiveUp(usize),
    Write(usize),
    Process(usize),
    LoseRequest(usize),
    LoseAnswer(usize),
    TimeOut(usize),
    Journal(usize),
    Record(usize),
    Strike(usize),
    Acknowledge(usize),
    Crash(usize),
    Restart(usize),
    CutOff(usize),
    Reconnect(usize),
    Tick,
    /// A strict provider's access token nears its end.
    EndHold,
    /// Former tokens die of age.
    EndGrace,
}

/// The refresh of one connection by two replicas.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) class: Class,
    pub(crate) variant: Variant,
    pub(crate) budget: Budget,
    /// Mirror images count once, which halves the states; in a way that is printed, the replicas may
    /// then change their numbers.
    pub(crate) unmirrored: bool,
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.budget)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.budget == self.budget {
            // The replicas are alike: whoever is first is number 0.
            actions.push(Action::Claim(0));
            return;
        }
        for replica in [0, 1] {
            self.replica_actions(state, replica, actions);
        }
        for request in 0..state.requests.len() {
            actions.push(Action::Process(request));
            if state.budget.losses > 0 {
                actions.push(Action::LoseRequest(request));
            }
        }
        if self.may_tick(state) {
            actions.push(Action::Tick);
        }
        let row = &state.row;
        if self.class == Class::Strict
            && row.state == RowState::InFlight
            && row.quiet == 0
            && row.hold == Hold::Holding
        {
            actions.push(Action::EndHold);
        }
        if self.class == Class::ReplaySafeNewTokens && state.provider.has_honoured() {
            actions.push(Action::EndGrace);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.step(&mut state, action);
        Some(if self.unmirrored { state.unmirrored() } else { state })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self.class)
    }
}

impl Protocol {
    fn replica_actions(&self, state: &State, me: usize, actions: &mut Vec<Action>) {
        let replica = &state.replicas[me];
        let online = !replica.cut_off;
        let budget = &state.budget;
        match replica.stage {
            Stage::Idle => {
                if online && budget.claims > 0 && self.may_claim(state) {
                    actions.push(Action::Claim(me));
                }
            }
            Stage::Claimed { .. } => {
                if online {
                    actions.extend([Action::Recheck(me), Action::GiveUp(me)]);
                }
            }
            Stage::Checked { left, .. } => {
                if left > 0 || self.variant == Variant::WriteAfterDeadline {
                    actions.push(Action::Write(me));
                }
                if online {
                    actions.push(Action::GiveUp(me));
                }
            }
            Stage::Sent(_) => {
                let under_way = state.requests.iter().any(|request| request.from == me);
                if !under_way || budget.timeouts > 0 {
                    actions.push(Action::TimeOut(me));
                }
            }
            Stage::Answered(..) => {
                actions.push(Action::Journal(me));
                if budget.losses > 0 {
                    actions.push(Action::LoseAnswer(me));
                }
                if budget.timeouts > 0 {
                    actions.push(Action::TimeOut(me));
                }
            }
            Stage::Parsed(_) | Stage::Journaled { .. } => {
                if online {
                    actions.push(Action::Record(me));
                }
            }
            Stage::Recorded { .. } => actions.push(Action::Strike(me)),
            Stage::NoAnswer(_) => {
                if online {
                    actions.push(Action::Acknowledge(me));
                }
            }
            Stage::Down => {
                if online || replica.journal.is_some() {
                    actions.push(Action::Restart(me));
                }
            }
        }
        // Where there is nothing to lose or to be late with, being down or cut off is doing nothing.
        let busy = !matches!(replica.stage, Stage::Idle | Stage::Down);
        if busy && budget.crashes > 0 {
            actions.push(Action::Crash(me));
        }
        if busy && online && budget.partitions > 0 {
            actions.push(Action::CutOff(me));
        }
        if !online {
            actions.push(Action::Reconnect(me));
        }
    }

    fn may_claim(&self, state: &State) -> bool {
        let row = &state.row;
        row.quiet == 0
            && match row.state {
                RowState::Ready | RowState::Uncertain => true,
                RowState::Reauth => false,
                // Whoever claimed it has not been heard of since.
                RowState::InFlight => {
                    self.class != Class::Strict
                        || row.hold == Hold::Over
                        || self.variant == Variant::StrictResentAtOnce
                }
            }
    }

    /// Time passes unless somebody has something to do before: a process stops waiting for its answer
    /// at its deadline, and by the end of the quiet time the provider is through with every request.
    fn may_tick(&self, state: &State) -> bool {
        let waits = |stage: &Stage| matches!(stage, Stage::Sent(_));
        let punctual = self.variant == Variant::WaitBeyondDeadline
            || (!state.replicas.iter().any(|replica| waits(&replica.stage))
                && state.requests.iter().all(|request| request.life > 0));
        let counts = |stage: &Stage| match stage {
            Stage::Claimed { left, .. } | Stage::Checked { left, .. } => *left > 0,
            _ => false,
        };
        let something_ends = state.row.quiet > 0
            || !state.requests.is_empty()
            || state.replicas.iter().any(|replica| counts(&replica.stage));
        punctual && something_ends
    }
}
