//! Sequences that failed once, each with its cause.

use atelier_tests::TestDatabase;

use super::{
    command::{
        Command::{self, Advance, Cancel, Claim, EffectsFail, Enqueue, Finish, Relay, Replay, Rescue},
        End, NewJobCommand,
    },
    play, runtime,
};

fn replay(commands: &[Command]) {
    let runtime = runtime();
    for database in [runtime.block_on(TestDatabase::sqlite()), runtime.block_on(TestDatabase::create())] {
        let played = runtime.block_on(play(&database, commands));
        assert!(played.is_ok(), "{played:?}");
    }
}

fn ask(kind: usize) -> NewJobCommand {
    NewJobCommand { kind, owner: None, lane: 1, unique: None, delay: None, expires: None, max_attempts: 3 }
}

const CLAIM: Command = Claim { worker: 0, queue: 0, count: 3 };

/// A running job that was cancelled, and snoozed before its worker received the cancellation,
/// ran forever.
#[test]
fn a_cancellation_during_the_end_of_an_attempt_takes_effect() {
    for end in [End::Snooze(1), End::Error, End::Drained] {
        for kind in [0, 1] {
            replay(&[Enqueue(vec![ask(kind)]), CLAIM, Cancel(0), Finish(vec![(0, end)])]);
        }
    }
}

/// An end with an old fence was accepted if the same batch contained the end of a later claim
/// of the same job.
#[test]
fn two_claims_of_a_job_that_end_in_one_batch_have_one_winner() {
    let both = Finish(vec![(0, End::Done), (1, End::Error)]);
    replay(&[Enqueue(vec![ask(0)]), CLAIM, Advance(1), Rescue, CLAIM, both]);
}

/// A failed effect prevented the rescue of all other jobs.
#[test]
fn a_failed_effect_blocks_only_its_own_job() {
    let last_attempt = NewJobCommand { max_attempts: 1, ..ask(1) };
    let jobs = Enqueue(vec![last_attempt, ask(0), ask(0)]);
    let held_up = [jobs, CLAIM, EffectsFail(true), Advance(1), Rescue, EffectsFail(false), Rescue];
    replay(&[&held_up[..], &[Advance(1), Rescue]].concat());
}

/// An effect that always failed kept its job running forever.
#[test]
fn an_effect_that_always_fails_is_abandoned() {
    let last_attempt = NewJobCommand { max_attempts: 1, ..ask(1) };
    let failing = [Enqueue(vec![last_attempt]), CLAIM, EffectsFail(true), Advance(1), Rescue];
    for stop in [vec![], vec![Cancel(0)]] {
        for turns in [86, 87] {
            replay(&[&failing[..], &stop[..], &[Advance(turns), Rescue, Rescue]].concat());
        }
    }
}

/// A result with a character that PostgreSQL's JSON cannot store blocked all ends of its batch.
#[test]
fn a_result_that_the_database_cannot_store_blocks_no_other_end() {
    let ends = Finish(vec![(0, End::Done), (1, End::Panicked), (2, End::Error)]);
    replay(&[Enqueue(vec![ask(0), ask(0), ask(0)]), CLAIM, ends]);
}

/// A rejected change kept its job locked until its connection was cleaned up, so that the relay
/// and the rescuer skipped the job.
#[test]
fn a_rejected_change_releases_its_locks() {
    let delayed = NewJobCommand { delay: Some(2), ..ask(2) };
    for _ in 0..5 {
        replay(&[Enqueue(vec![delayed.clone()]), Advance(2), Replay(0), Relay]);
    }
}
