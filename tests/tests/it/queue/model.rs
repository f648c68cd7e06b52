//! Random sequences of everything that can happen to jobs, played on the machine's
//! own functions and on a small reference model side by side. After each step both
//! must say the same of every job. A sequence that fails is printed in its shortest
//! form; it can be pasted into `regressions`.

use atelier_tests::TestDatabase;
use proptest::{
    collection,
    test_runner::{Config, TestCaseError, TestRunner},
};
use tokio::runtime::Runtime;

mod command;
mod kinds;
mod player;
mod reference;
mod regressions;

use command::{Command, command};
use player::Player;

/// Longest sequence.
const STEPS: usize = 45;

/// Longest search for a shorter sequence that fails, in milliseconds.
const SHRINK_MS: u32 = 60_000;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// Plays the commands from an empty database on.
async fn play(database: &TestDatabase, commands: &[Command]) -> Result<(), String> {
    let mut player = Player::begin(database).await;
    for (step, command) in commands.iter().enumerate() {
        player.step(command).await.map_err(|reason| format!("step {step}, {command:?}: {reason}"))?;
    }
    Ok(())
}

fn search(runtime: &Runtime, database: &TestDatabase, cases: u32) {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_time: SHRINK_MS,
        max_shrink_iters: u32::MAX,
        ..Config::default()
    };
    let sequences = collection::vec(command(), 1..=STEPS);
    let found = TestRunner::new(config)
        .run(&sequences, |commands| runtime.block_on(play(database, &commands)).map_err(TestCaseError::fail));
    if let Err(failure) = found {
        panic!("the machine and its model part ways: {failure}");
    }
}

#[test]
fn sqlite_does_what_the_model_says() {
    let runtime = runtime();
    let database = runtime.block_on(TestDatabase::sqlite());

    search(&runtime, &database, 500);
}

#[test]
fn postgres_does_what_the_model_says() {
    let runtime = runtime();
    let database = runtime.block_on(TestDatabase::create());

    search(&runtime, &database, 150);
}
