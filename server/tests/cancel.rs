//! `atelier jobs cancel` as a separate process, with a job that another process runs.

use std::{
    process::Output,
    time::{Duration, Instant},
};

use atelier_entities::JobId;
use atelier_tests::{AppSetup, Completion, FakeOpenAi, Person, TestApp, in_time, until};
use secrecy::ExposeSecret;
use tokio::process::Command;

/// Longer than the promised second: a cancellation that only the next heartbeat brings is late.
const HEARTBEAT_SECS: u64 = 10;

/// Runs the command with the settings of that installation.
async fn atelier(app: &TestApp, args: &[&str]) -> Output {
    let settings = &app.settings;
    let mut command = Command::new(env!("CARGO_BIN_EXE_atelier"));
    command.args(args).env_clear();
    command.env("DATA_DIR", &settings.server.data_dir).env("DATABASE_URL", settings.database_url());
    if let Some(url) = settings.redis_url() {
        command.env("REDIS_URL", url.expose_secret());
        command.env("ATELIER_REDIS__KEY_PREFIX", &settings.redis.key_prefix);
    }
    command.output().await.expect("the command runs")
}

/// How long a job still runs after the command has requested its cancellation.
async fn cancel_duration(app: &TestApp, person: &Person) -> Duration {
    let project = person.create_project("Reading list").await;
    let job = person.start_generation(&project).await;
    person.job_once(&job, "running").await;
    let id: JobId = job.parse().expect("an id");

    let arguments = ["jobs", "cancel", &job];
    let (output, took) = tokio::join!(atelier(app, &arguments), async {
        until("the command has requested the cancellation", async || {
            let row = app.queue().find_job(id, None).await.expect("a database").expect("the job");
            (row.cancel_requested_at.is_some() || row.state.is_terminal()).then_some(())
        })
        .await;
        let requested = Instant::now();
        person.job_once(&job, "cancelled").await;
        requested.elapsed()
    });

    assert!(output.status.success(), "{output:?}");
    took
}

async fn a_running_job_stops_in_less_than_a_second(setup: AppSetup) {
    let model = FakeOpenAi::start((0..6).map(|_| Completion::Stall(Vec::new()))).await;
    let setup = setup.with_model(&model).with(|settings| settings.queue.heartbeat_secs = HEARTBEAT_SECS);
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;

    in_time(Duration::from_secs(1), async || cancel_duration(&app, &ada).await).await;

    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_embedded_instance_stops_a_job_that_the_command_line_cancels() {
    a_running_job_stops_in_less_than_a_second(AppSetup::embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_scaled_out_installation_stops_a_job_that_the_command_line_cancels() {
    a_running_job_stops_in_less_than_a_second(AppSetup::scaled().await).await;
}
