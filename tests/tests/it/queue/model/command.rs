//! The commands. Jobs, claims and workers are small numbers, taken modulo the number that
//! exists, so that shortened sequences stay valid.

use proptest::{collection, option, prelude::*};

/// A job to enqueue. Times are in turns of the clock.
#[derive(Clone, Debug)]
pub(super) struct NewJobCommand {
    /// 0 and 1 share a queue, and the ends of 1 have an effect; 2 has a queue of its own.
    pub(super) kind: usize,
    pub(super) owner: Option<usize>,
    /// 0 urgent, 1 normal, 2 bulk.
    pub(super) lane: i16,
    pub(super) unique: Option<usize>,
    pub(super) delay: Option<u32>,
    pub(super) expires: Option<u32>,
    pub(super) max_attempts: u16,
}

/// How a claimed job ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Done,
    TooLarge,
    Error,
    ErrorAfter(u32),
    Hopeless,
    Snooze(u32),
    NotWanted,
    TimedOut,
    Panicked,
    Stopped,
    Drained,
}

/// Limits of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) running: Option<u32>,
    pub(super) per_owner: Option<u32>,
    /// The starts in one turn.
    pub(super) rate: Option<u32>,
}

/// A command.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Enqueue(Vec<NewJobCommand>),
    EnqueueAndUndo(NewJobCommand),
    Claim {
        worker: usize,
        queue: usize,
        count: usize,
    },
    /// Ends these claims, whether their fences are still valid or not.
    Finish(Vec<(usize, End)>),
    Progress(usize),
    Heartbeat(usize),
    Cancel(usize),
    Replay(usize),
    Discard(usize),
    Delete(usize),
    Rescue,
    Relay,
    Forget,
    /// Advances the clock by this number of turns. Every lease expires within one turn.
    Advance(u32),
    Pause(usize),
    Resume(usize),
    Limit(usize, Limits),
    EffectsFail(bool),
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    use Command::{
        Advance, Cancel, Claim, Delete, Discard, EffectsFail, Enqueue, EnqueueAndUndo, Finish, Forget,
        Heartbeat, Limit, Pause, Progress, Relay, Replay, Rescue, Resume,
    };
    let claim = (0..3_usize, 0..2_usize, 1..4_usize);
    prop_oneof![
        10 => collection::vec(ask(), 1..3).prop_map(Enqueue),
        1 => ask().prop_map(EnqueueAndUndo),
        16 => claim.prop_map(|(worker, queue, count)| Claim { worker, queue, count }),
        16 => collection::vec((0..6_usize, end()), 1..4).prop_map(Finish),
        3 => (0..6_usize).prop_map(Progress),
        5 => (0..3_usize).prop_map(Heartbeat),
        6 => (0..6_usize).prop_map(Cancel),
        6 => (0..6_usize).prop_map(Replay),
        2 => (0..6_usize).prop_map(Discard),
        1 => (0..6_usize).prop_map(Delete),
        6 => Just(Rescue),
        10 => Just(Relay),
        2 => Just(Forget),
        10 => (1..3_u32).prop_map(Advance),
        1 => (0..2_usize).prop_map(Pause),
        2 => (0..2_usize).prop_map(Resume),
        2 => ((0..2_usize), limits()).prop_map(|(queue, limits)| Limit(queue, limits)),
        1 => any::<bool>().prop_map(EffectsFail),
    ]
}

fn ask() -> impl Strategy<Value = NewJobCommand> {
    (
        0..3_usize,
        option::of(0..2_usize),
        0..3_i16,
        option::weighted(0.3, 0..2_usize),
        option::weighted(0.2, 1..3_u32),
        option::weighted(0.2, 1..4_u32),
        1..4_u16,
    )
        .prop_map(|(kind, owner, lane, unique, delay, expires, max_attempts)| NewJobCommand {
            kind,
            owner,
            lane,
            unique,
            delay,
            expires,
            max_attempts,
        })
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Done),
        1 => Just(End::TooLarge),
        3 => Just(End::Error),
        1 => (0..3_u32).prop_map(End::ErrorAfter),
        1 => Just(End::Hopeless),
        2 => (0..3_u32).prop_map(End::Snooze),
        1 => Just(End::NotWanted),
        1 => Just(End::TimedOut),
        1 => Just(End::Panicked),
        1 => Just(End::Stopped),
        2 => Just(End::Drained),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let of = |most| option::weighted(0.4, 0..most);
    (of(4_u32), of(3), of(4)).prop_map(|(running, per_owner, rate)| Limits { running, per_owner, rate })
}
