//! Sequences that failed once, each with what was wrong.

use atelier_tests::TestDatabase;

use super::{
    command::{
        Ask,
        Command::{self, Advance, Cancel, Claim, EffectsFail, Enqueue, Finish, Relay, Replay, Rescue},
        End,
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

fn ask(kind: usize) -> Ask {
    Ask { kind, owner: None, lane: 1, unique: None, delay: None, expires: None, max_attempts: 3 }
}

const CLAIM: Command = Claim { worker: 0, queue: 0, count: 3 };

/// A running job that was cancelled and snoozed before its worker heard of it went on
/// for ever.
#[test]
fn a_cancellation_that_meets_the_end_of_an_attempt_is_kept() {
    for end in [End::Snooze(1), End::Error, End::Drained] {
        for kind in [0, 1] {
            replay(&[Enqueue(vec![ask(kind)]), CLAIM, Cancel(0), Finish(vec![(0, end)])]);
        }
    }
}

/// An end under an old fence was answered as held where the same batch held the end
/// of a later claim of the same job.
#[test]
fn two_claims_of_a_job_that_end_together_have_one_winner() {
    let both = Finish(vec![(0, End::Done), (1, End::Error)]);
    replay(&[Enqueue(vec![ask(0)]), CLAIM, Advance(1), Rescue, CLAIM, both]);
}

/// One effect that failed kept every lost job from being taken back.
#[test]
fn an_effect_that_fails_holds_up_its_own_job_only() {
    let last_attempt = Ask { max_attempts: 1, ..ask(1) };
    let jobs = Enqueue(vec![last_attempt, ask(0), ask(0)]);
    let held_up = [jobs, CLAIM, EffectsFail(true), Advance(1), Rescue, EffectsFail(false), Rescue];
    replay(&[&held_up[..], &[Advance(1), Rescue]].concat());
}

/// One that failed for ever kept its own job for ever.
#[test]
fn an_effect_that_fails_for_ever_is_given_up() {
    let last_attempt = Ask { max_attempts: 1, ..ask(1) };
    let failing = [Enqueue(vec![last_attempt]), CLAIM, EffectsFail(true), Advance(1), Rescue];
    for stop in [vec![], vec![Cancel(0)]] {
        for turns in [86, 87] {
            replay(&[&failing[..], &stop[..], &[Advance(turns), Rescue, Rescue]].concat());
        }
    }
}

/// A result with a character that PostgreSQL's JSON does not know could not be
/// written, and with it no other end of its batch.
#[test]
fn what_the_database_cannot_keep_holds_nothing_up() {
    let ends = Finish(vec![(0, End::Done), (1, End::Panicked), (2, End::Error)]);
    replay(&[Enqueue(vec![ask(0), ask(0), ask(0)]), CLAIM, ends]);
}

/// A change that was refused kept its job locked until the connection was clean
/// again: the relay and the rescuer passed it over.
#[test]
fn a_refused_change_keeps_nothing_locked() {
    let delayed = Ask { delay: Some(2), ..ask(2) };
    for _ in 0..5 {
        replay(&[Enqueue(vec![delayed.clone()]), Advance(2), Replay(0), Relay]);
    }
}
