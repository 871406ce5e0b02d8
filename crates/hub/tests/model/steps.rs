//! The protocol's steps, and what the world does to it. docs/decisions/0003-refresh-model.md says which
//! code each one stands for.

use crate::{
    actions::{Action, Protocol},
    provider::{Class, Reply},
    state::{Entry, Hold, Lease, Request, RowState, Stage, State, Tokens},
    variants::Variant,
};

const DEADLINE: u8 = 1;
const QUIET: u8 = 2;

impl Protocol {
    pub(crate) fn step(&self, state: &mut State, action: Action) {
        match action {
            Action::Claim(me) => self.claim(state, me),
            Action::Recheck(me) => self.recheck(state, me),
            Action::GiveUp(me) => self.give_up(state, me),
            Action::Write(me) => self.write(state, me),
            Action::Process(request) => self.process(state, request),
            Action::LoseRequest(request) => {
                state.budget.losses -= 1;
                state.requests.remove(request);
            }
            Action::LoseAnswer(me) => {
                state.budget.losses -= 1;
                if let Stage::Answered(lease, reply) = state.replicas[me].stage {
                    self.note_lost(state, lease, reply);
                    state.replicas[me].stage = Stage::Sent(lease);
                }
            }
            Action::TimeOut(me) => self.time_out(state, me),
            Action::Journal(me) => self.journal(state, me),
            Action::Record(me) => self.record(state, me),
            Action::Strike(me) => {
                state.replicas[me].journal = None;
                state.replicas[me].stage = Stage::Idle;
            }
            Action::Acknowledge(me) => self.acknowledge(state, me),
            Action::Crash(me) => self.crash(state, me),
            Action::Restart(me) => self.restart(state, me),
            Action::CutOff(me) => {
                state.budget.partitions -= 1;
                state.replicas[me].cut_off = true;
            }
            Action::Reconnect(me) => state.replicas[me].cut_off = false,
            Action::Tick => tick(state),
            Action::EndHold => {
                state.row.hold = Hold::Over;
                state.history.excused = true;
                state.history.open = <[Tokens; 2]>::default();
            }
            Action::EndGrace => {
                state.provider.end_grace();
                state.history.grace_ended = true;
            }
        }
    }

    fn claim(&self, state: &mut State, me: usize) {
        state.budget.claims -= 1;
        let row = &mut state.row;
        let from_peer = row.state == RowState::InFlight && row.owner != Some(me);
        if self.variant != Variant::SendWithoutClaim {
            row.state = RowState::InFlight;
            row.fence += 1;
            row.owner = Some(me);
            let short = self.variant == Variant::QuietShorterThanDeadline;
            row.quiet = if short { 0 } else { QUIET };
            if row.hold == Hold::Over {
                row.hold = Hold::Used;
            }
        }
        let lease = Lease { fence: row.fence, generation: row.generation, token: row.token };
        state.replicas[me].stage = Stage::Claimed { lease, left: DEADLINE, from_peer };
    }

    fn recheck(&self, state: &mut State, me: usize) {
        let Stage::Claimed { lease, left, .. } = state.replicas[me].stage else { return };
        let ours = state.row.is_leased_to(me, lease) || self.variant == Variant::SendWithoutClaim;
        if ours && state.row.generation == lease.generation {
            state.replicas[me].stage = Stage::Checked { lease, left };
        } else {
            self.give_up(state, me);
        }
    }

    /// The provider has certainly received nothing, so the lease's quiet time ends with it.
    fn give_up(&self, state: &mut State, me: usize) {
        let (Stage::Claimed { lease, .. } | Stage::Checked { lease, .. }) =
            state.replicas[me].stage
        else {
            return;
        };
        if self.releases(state, me, lease) {
            state.row.release();
        }
        state.replicas[me].stage = Stage::Idle;
    }

    fn releases(&self, state: &State, me: usize, lease: Lease) -> bool {
        state.row.is_leased_to(me, lease) || self.variant == Variant::ReleaseWithoutFence
    }

    fn write(&self, state: &mut State, me: usize) {
        let Stage::Checked { lease, .. } = state.replicas[me].stage else { return };
        let token = lease.token;
        state.requests.push(Request { from: me, fence: lease.fence, token, life: DEADLINE });
        state.replicas[me].stage = Stage::Sent(lease);
        if self.class == Class::Strict {
            let history = &mut state.history;
            history.presented_early |= history.open.iter().any(|open| open.contains(token));
            history.open[me].insert(token);
        }
    }

    fn process(&self, state: &mut State, request: usize) {
        let request = state.requests.remove(request);
        let reply = state.provider.answer(self.class, request.token);
        match state.replicas[request.from].stage {
            Stage::Sent(lease) if lease.fence == request.fence => {
                state.replicas[request.from].stage = Stage::Answered(lease, reply);
            }
            _ => self.note_lost_reply(state, request.token, reply),
        }
    }

    fn note_lost(&self, state: &mut State, lease: Lease, reply: Reply) {
        self.note_lost_reply(state, lease.token, reply);
    }

    /// Only where a loss is ever an excuse: elsewhere it would double the states for nothing.
    fn note_lost_reply(&self, state: &mut State, presented: u8, reply: Reply) {
        let matters = matches!(self.class, Class::Strict | Class::ReplaySafeNewTokens);
        if matters && reply != Reply::Refused && reply != Reply::Token(presented) {
            state.history.excused = true;
        }
    }

    fn time_out(&self, state: &mut State, me: usize) {
        let (lease, late) = match state.replicas[me].stage {
            Stage::Sent(lease) => (lease, state.requests.iter().any(|r| r.from == me)),
            Stage::Answered(lease, reply) => {
                self.note_lost(state, lease, reply);
                (lease, true)
            }
            _ => return,
        };
        state.budget.timeouts -= u8::from(late);
        state.replicas[me].stage = Stage::NoAnswer(lease);
    }

    fn journal(&self, state: &mut State, me: usize) {
        let Stage::Answered(lease, reply) = state.replicas[me].stage else { return };
        match reply {
            Reply::Token(token) => state.history.owed.insert(token),
            Reply::Refused => {
                state.history.refused.insert(lease.token);
                state.history.owed.remove(lease.token);
            }
        }
        let entry = Entry { lease, reply };
        if self.variant == Variant::ParseBeforeJournal {
            state.replicas[me].stage = Stage::Parsed(entry);
        } else {
            state.replicas[me].journal = Some(entry);
            state.replicas[me].stage = Stage::Journaled { replayed: false };
        }
    }

    /// One transaction on the row, for a new reply and for one that was found in the journal.
    fn record(&self, state: &mut State, me: usize) {
        let (entry, replayed) = match (state.replicas[me].stage, state.replicas[me].journal) {
            (Stage::Parsed(entry), _) => (entry, false),
            (Stage::Journaled { replayed }, Some(entry)) => (entry, replayed),
            _ => return,
        };
        let late = match entry.reply {
            Reply::Token(token) => self.save(state, me, entry.lease, token, replayed),
            Reply::Refused => {
                self.refuse(state, me, entry.lease);
                false
            }
        };
        state.history.open[me] = Tokens::default();
        state.replicas[me].stage = Stage::Recorded { late };
    }

    /// True if it was saved though the lease was no longer ours.
    fn save(&self, state: &mut State, me: usize, lease: Lease, token: u8, replayed: bool) -> bool {
        let row = &mut state.row;
        let ours = row.is_leased_to(me, lease);
        let mut fits = row.generation == lease.generation;
        match self.variant {
            Variant::SaveOnlyWhileLeased => fits &= ours,
            Variant::ReplayIgnoresGeneration => fits |= replayed,
            _ => {}
        }
        if fits {
            row.store(token);
            if token != lease.token {
                state.history.owed.remove(lease.token);
            }
            let heals =
                row.state == RowState::Reauth && self.variant != Variant::ReauthOutlivesSave;
            if row.state == RowState::Uncertain || heals {
                row.state = RowState::Ready;
            }
        } else if row.token != token && self.keeps_misfits() {
            row.candidates.insert(token);
            if row.state == RowState::Reauth && self.variant != Variant::ReauthOutlivesCandidate {
                row.promote_candidate();
            }
        }
        if self.releases(state, me, lease) {
            state.row.release();
        } else if self.variant == Variant::AnySaveClearsQuiet {
            state.row.quiet = 0;
        }
        fits && !ours
    }

    fn keeps_misfits(&self) -> bool {
        !matches!(self.variant, Variant::NoCandidates | Variant::SaveOnlyWhileLeased)
    }

    /// The provider refused what was presented.
    fn refuse(&self, state: &mut State, me: usize, lease: Lease) {
        let row = &mut state.row;
        if !row.is_leased_to(me, lease) {
            return;
        }
        row.release();
        if row.generation != lease.generation {
            return;
        }
        if self.variant == Variant::ReauthBeforeCandidates || !row.promote_candidate() {
            row.state = RowState::Reauth;
        }
    }

    /// "No answer": the row may be tried again when its quiet time is over.
    fn acknowledge(&self, state: &mut State, me: usize) {
        let Stage::NoAnswer(lease) = state.replicas[me].stage else { return };
        let unfenced = self.variant == Variant::AcknowledgeWithoutFence;
        if state.row.is_leased_to(me, lease) || unfenced {
            self.let_go(state, me);
        }
        state.replicas[me].stage = Stage::Idle;
    }

    fn let_go(&self, state: &mut State, me: usize) {
        let dead = self.variant == Variant::ReauthOnTimeout;
        state.row.state = if dead { RowState::Reauth } else { RowState::Uncertain };
        state.row.owner = None;
        state.history.open[me] = Tokens::default();
    }

    fn crash(&self, state: &mut State, me: usize) {
        state.budget.crashes -= 1;
        if let Stage::Answered(lease, reply) = state.replicas[me].stage {
            self.note_lost(state, lease, reply);
        }
        state.replicas[me].stage = Stage::Down;
    }

    /// The journal first, then the rows that this data directory owned.
    fn restart(&self, state: &mut State, me: usize) {
        let journal = state.replicas[me].journal.is_some();
        let online = !state.replicas[me].cut_off;
        let first = self.variant == Variant::AcknowledgeBeforeReplay;
        let owned = state.row.state == RowState::InFlight && state.row.owner == Some(me);
        if owned && online && (!journal || first) {
            self.let_go(state, me);
        }
        let next = if journal { Stage::Journaled { replayed: true } } else { Stage::Idle };
        state.replicas[me].stage = next;
    }
}

fn tick(state: &mut State) {
    state.row.quiet = state.row.quiet.saturating_sub(1);
    for request in &mut state.requests {
        request.life = request.life.saturating_sub(1);
    }
    for replica in &mut state.replicas {
        if let Stage::Claimed { left, .. } | Stage::Checked { left, .. } = &mut replica.stage {
            *left = left.saturating_sub(1);
        }
    }
}
