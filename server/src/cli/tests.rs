use atelier_entities::{JobState, audit_log, users};
use atelier_foundation::{Actor, identity::Registration, objects::RemoveObjects};
use atelier_queue::{NewJob, QueueName};
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::Value;
use tempfile::TempDir;

mod help;

use super::{exit::EXIT_CONFIG, timeout::Deadline, *};

/// A platform in a temporary folder, without a worker.
struct TestPlatform {
    platform: Platform,
    _folder: TempDir,
}

impl TestPlatform {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::for_tests();
        settings.server.data_dir = folder.path().to_owned();
        migrate_database(&settings).await.expect("a database");
        let platform = wire::open(&settings).await.expect("a platform");
        Self { platform, _folder: folder }
    }

    async fn enqueue(&self) -> String {
        let job = NewJob::of(&RemoveObjects { prefixes: Vec::new() });
        self.platform.queue.enqueue(job).await.expect("enqueued").id.to_string()
    }

    async fn answer(&self, line: &str) -> anyhow::Result<CommandOutput> {
        let Some(Command::Operate(command)) = parse(line).expect(line).command else {
            panic!("{line} is not an operator's command");
        };
        perform(&command, &self.platform).await
    }

    async fn text(&self, line: &str) -> String {
        let answer = self.answer(line).await.expect(line);
        assert!(answer.failures.is_empty(), "{line}: {:?}", answer.failures);
        answer.text
    }

    async fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.text(&format!("{line} --json")).await).expect("JSON")
    }

    async fn audited(&self) -> Vec<String> {
        let entries = audit_log::Entity::find().order_by_asc(audit_log::Column::Id);
        let entries = entries.all(&self.platform.db).await.expect("listed");
        entries.into_iter().map(|entry| entry.action).collect()
    }
}

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_command_lines_are_valid() {
    Cli::command().debug_assert();
    RoleCli::command().debug_assert();
}

#[test]
fn serves_without_a_command() {
    let cli = parse("atelier --config a.toml").expect("a command line");

    assert!(cli.command.is_none() && cli.config == Some("a.toml".into()));
}

#[test]
fn accepts_the_settings_file_after_a_command() {
    let cli = parse("atelier config --config a.toml").expect("a command line");

    assert!(matches!(cli.command, Some(Command::Config)) && cli.config == Some("a.toml".into()));
}

#[test]
fn rejects_unknown_commands_and_values() {
    for line in ["atelier sevre", "atelier demo", "atelier demo x --type game", "atelier demo x --url ftp"] {
        let refused = parse(line).map(|_| ());
        let lenient = line.ends_with("ftp");
        assert_eq!(refused.is_ok(), lenient, "{line}: addresses are checked by the client");
    }
}

#[test]
fn help_has_examples() {
    let help = Cli::command().render_long_help().to_string();

    for word in ["demo", "migrate", "openapi", "jobs", "queues", "workers", "admin", "--config", "Examples:"]
    {
        assert!(help.contains(word), "{word} is not in {help}");
    }
}

#[test]
fn rejects_wrong_arguments_of_operators_commands() {
    for line in [
        "atelier jobs",
        "atelier jobs show seven",
        "atelier jobs cancel",
        "atelier jobs list --status done",
        "atelier jobs list --queue lunch",
        "atelier jobs list --since yesterday",
        "atelier jobs list --limit 0",
        "atelier queues pause",
        "atelier queues pause lunch",
        "atelier queues limit email --max-running 0",
        "atelier queues limit email --rate 100",
        "atelier admin create",
    ] {
        let refused = parse(line).expect_err(line);
        assert_eq!(refused.exit_code(), i32::from(EXIT_CONFIG), "{line}");
    }
}

#[tokio::test]
async fn jobs_are_listed_explained_cancelled_and_run_again() {
    let test = TestPlatform::new().await;
    let (one, two) = (test.enqueue().await, test.enqueue().await);

    let table = test.text("atelier jobs list --queue maintenance").await;
    assert!(table.contains(&one) && table.contains("available") && table.ends_with("2 of 2"), "{table}");
    assert!(test.text(&format!("atelier jobs why {one}")).await.starts_with("NO_WORKER: "));
    let shown = test.text(&format!("atelier jobs show {one}")).await;
    assert!(shown.contains("maintenance.remove_objects") && shown.contains("NO_WORKER"), "{shown}");

    let cancelled = test.json(&format!("atelier jobs cancel {one} {two}")).await;
    assert_eq!(cancelled["jobs"][1]["status"], "cancelled");
    let listed = test.json("atelier jobs list --status cancelled --since 1h --limit 1").await;
    assert_eq!((&listed["total"], listed["jobs"].as_array().map(Vec::len)), (&2.into(), Some(1)));
    assert_eq!(test.text("atelier jobs list --status failed").await, "no jobs found");
    test.text(&format!("atelier jobs retry {two}")).await;
    let again = test.json(&format!("atelier jobs show {two}")).await;
    assert_eq!((&again["status"], &again["why"]["code"]), (&"available".into(), &"NO_WORKER".into()));
    assert_eq!(test.audited().await, ["job.cancel", "job.cancel", "job.retry"]);
}

#[tokio::test]
async fn failures_are_listed_after_the_changed_jobs() {
    let test = TestPlatform::new().await;
    let (one, nobodys) = (test.enqueue().await, uuid::Uuid::nil());

    let missing = test.answer(&format!("atelier jobs show {nobodys}")).await.expect_err("not found");
    assert!(format!("{missing:#}").contains("there is no such job"), "{missing:#}");
    let answer = test.answer(&format!("atelier jobs cancel {nobodys} {one}")).await.expect("an answer");
    assert!(answer.text.contains(&one) && answer.failures.len() == 1, "{answer:?}");
    let again = test.answer(&format!("atelier jobs cancel {one}")).await.expect("an answer");
    assert!(again.text.is_empty() && again.failures[0].contains("the job is cancelled"), "{again:?}");
    let owner = test.answer("atelier jobs list --owner nobody@example.org").await.expect_err("not found");
    assert!(owner.to_string().contains("nobody@example.org"), "{owner}");
    let id = one.parse().expect("an id");
    let job = test.platform.queue.find_job(id, None).await.expect("asked").expect("there");
    assert_eq!(job.state, JobState::Cancelled);
}

#[tokio::test]
async fn queues_are_listed_paused_and_limited() {
    let test = TestPlatform::new().await;
    test.enqueue().await;

    test.text("atelier queues pause maintenance").await;
    let table = test.text("atelier queues list").await;
    let line = table.lines().find(|line| line.trim_start().starts_with("maintenance")).expect("a line");
    assert!(line.contains("PAUSED") && table.lines().count() == QueueName::ALL.len() + 1, "{table}");
    test.text("atelier queues resume maintenance").await;
    let listed = test.json("atelier queues list").await;
    let queue = &listed["queues"][5];
    assert_eq!((&queue["queue"], &queue["paused_at"]), (&"maintenance".into(), &Value::Null));
    assert_eq!((&queue["available"], &queue["desired_workers"]), (&1.into(), &1.into()));

    let limited = test.text("atelier queues limit email --max-running 5 --rate 100/60").await;
    assert_eq!(limited, "email: 5 running, 100 in 60 s");
    let changed = test.json("atelier queues limit email --rate none").await;
    assert_eq!((&changed["limits"]["max_running"], &changed["limits"]["rate"]), (&5.into(), &Value::Null));
    assert_eq!(test.text("atelier queues limit email --clear").await, "email: no limits");
    assert_eq!(test.text("atelier queues limit email").await, "email: no limits");
    let actions = ["queue.pause", "queue.resume", "queue.limit", "queue.limit", "queue.limit"];
    assert_eq!(test.audited().await, actions);
}

#[tokio::test]
async fn no_workers_is_a_valid_answer() {
    let test = TestPlatform::new().await;

    assert_eq!(test.text("atelier workers").await, "no workers run");
    assert_eq!(test.json("atelier workers").await, serde_json::json!({"workers": []}));
}

#[tokio::test]
async fn an_administrator_is_created_once() {
    let test = TestPlatform::new().await;

    let created = test.text("atelier admin create --email Ada@Example.org").await;
    let again = test.text("atelier admin create --email ada@example.org").await;
    let wrong = test.answer("atelier admin create --email ada").await.expect_err("no address");

    assert!(created.contains("password: "), "{created}");
    assert!(again.contains("the password is unchanged") && !again.contains("password: "), "{again}");
    assert!(wrong.to_string().contains("email"), "{wrong}");
    let users = users::Entity::find().all(&test.platform.db).await.expect("listed");
    assert_eq!((users.len(), users[0].is_admin, users[0].email.as_str()), (1, true, "ada@example.org"));
}

#[tokio::test]
async fn an_unverified_account_is_taken_over() {
    let test = TestPlatform::new().await;
    let identity = &test.platform.services.foundation.identity;
    let squatted = Registration {
        email: "ada@example.org".to_owned(),
        password: "correct horse".to_owned(),
        full_name: "Mallory".to_owned(),
        locale: None,
        time_zone: None,
        country: None,
    };
    identity.register(&Actor::anonymous(), squatted).await.expect("registered");

    let taken = test.text("atelier admin create --email ada@example.org").await;

    assert!(taken.contains("was taken over") && taken.contains("password: "), "{taken}");
    let password = taken.split("password: ").nth(1).and_then(|rest| rest.lines().next()).expect("a password");
    let login = async |password: &str| identity.login(&Actor::anonymous(), "ada@example.org", password).await;
    assert!(login("correct horse").await.is_err());
    assert!(login(password).await.expect("in").user.is_admin);
}

#[test]
fn the_timeout_option_sets_the_time_limit() {
    for line in ["atelier jobs list --timeout 0s", "atelier workers --timeout soon"] {
        assert_eq!(parse(line).expect_err(line).exit_code(), i32::from(EXIT_CONFIG), "{line}");
    }
    let wait = |line: &str| match parse(line).expect(line).command {
        Some(Command::Operate(command)) => format!("{:?}", command.timeout()),
        other => panic!("{other:?}"),
    };
    assert_eq!(wait("atelier queues list"), "TimeoutArgs { timeout: 30s }");
    assert_eq!(wait("atelier jobs --timeout 2m list"), "TimeoutArgs { timeout: 120s }");
    assert_eq!(wait("atelier jobs list --timeout 5s"), "TimeoutArgs { timeout: 5s }");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_named() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let location = format!("{}/atelier", silent.local_addr().expect("an address"));
    let mut settings = Settings::for_tests();
    settings.database.url = format!("postgres://atelier:hunter2@{location}").into();

    let deadline = Deadline::after(Duration::from_millis(200));
    let late = deadline.connect(&settings, wire::open(&settings)).await.expect_err("no answer");

    assert_eq!(late.to_string(), format!("the database at {location} was not reached within 0s"));
    drop(silent);
    let refused = wire::open(&settings).await.expect_err("a closed port");
    let message = format!("{refused:#}");
    assert!(message.starts_with(&format!("cannot connect to the database at {location}: ")), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[tokio::test]
async fn a_timeout_names_the_services_that_do_not_answer() {
    let test = TestPlatform::new().await;
    let deadline = Deadline::after(Duration::from_millis(50));
    let never = std::future::pending::<anyhow::Result<()>>;

    let slow = deadline.perform(&test.platform, never()).await.expect_err("too late").to_string();
    assert!(slow.contains("all services answer"), "{slow}");

    test.platform.db.clone().close().await.expect("closed");
    let gone = deadline.perform(&test.platform, never()).await.expect_err("too late").to_string();
    let location = test.platform.settings.database_location();
    assert!(gone.starts_with(&format!("no answer from the database at {location} within")), "{gone}");
}

#[tokio::test]
async fn a_missing_database_is_not_created() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::for_tests();
    settings.server.data_dir = folder.path().join("elsewhere");

    let missing = wire::open(&settings).await.expect_err("no database");
    assert!(missing.to_string().contains("there is no database"), "{missing}");
    assert!(!settings.server.data_dir.exists());
}

#[tokio::test]
async fn an_empty_database_names_the_command_that_migrates_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::for_tests();
    settings.server.data_dir = folder.path().to_owned();
    wire::prepare_database(&settings).expect("an empty file");

    let empty = wire::open(&settings).await.expect_err("no tables").to_string();
    assert!(empty.contains("lacks") && empty.contains("m0001_accounts to m"), "{empty}");
    assert!(empty.ends_with("run `atelier migrate` first"), "{empty}");

    migrate_database(&settings).await.expect("migrated");
    wire::open(&settings).await.expect("a platform");
}
