//! Executes random sequences of commands on the queue and on a small reference model. After
//! each step both must agree on every job. A failing sequence is printed in its shortest form,
//! which can be copied to `regressions`.

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

/// The longest sequence.
const STEPS: usize = 45;

/// How long to search for a shorter failing sequence, in milliseconds.
const SHRINK_MS: u32 = 60_000;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// Executes the commands, starting with an empty database.
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
        panic!("the queue and the model disagree: {failure}");
    }
}

#[test]
fn sqlite_agrees_with_the_model() {
    let runtime = runtime();
    let database = runtime.block_on(TestDatabase::sqlite());

    search(&runtime, &database, 500);
}

#[test]
fn postgres_agrees_with_the_model() {
    let runtime = runtime();
    let database = runtime.block_on(TestDatabase::create());

    search(&runtime, &database, 150);
}
