//! The erasure of a heavy account while the API serves other people.

use std::time::{Duration, Instant};

use atelier_entities::{
    JobState, UserId, account_erasures, audit_log, credit_transactions, job_events, jobs, mail_messages,
    project_files, project_versions, projects, sessions, users,
};
use atelier_tests::{AppSetup, PASSWORD, Person, TestApp, until};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, Iterable, PaginatorTrait, QueryFilter};
use serde_json::json;

/// The longest time that a request of another person may take meanwhile.
const ANSWERED_IN: Duration = Duration::from_secs(2);

/// The longest time that the erasure may take.
const ERASED_IN: Duration = Duration::from_secs(60);

/// Versions per project.
const VERSIONS: u32 = 20;

/// The amount of data of an account.
struct Weight {
    projects: u32,
    /// Nine of ten jobs have ended.
    jobs: u32,
}

/// Copies rows of a table: `columns` are its columns, `changed` the expressions that differ in
/// the copies, and `rows` the copied rows as `t`, with the number of the copy as `n`.
async fn copy(app: &TestApp, table: &str, columns: &[String], changed: &[(&str, &str)], rows: &str) {
    let id = if app.settings.is_sqlite() { "randomblob(16)" } else { "gen_random_uuid()" };
    let values: Vec<String> = columns
        .iter()
        .map(|column| match changed.iter().find(|(name, _)| name == column) {
            Some((_, value)) => value.replace("{id}", id),
            None => format!("t.{column}"),
        })
        .collect();
    let sql = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000) \
         INSERT INTO {table} ({}) SELECT {} FROM {rows}",
        columns.join(", "),
        values.join(", ")
    );
    app.db().execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{table}: {error}\n{sql}"));
}

fn columns<C: Iterable + ColumnTrait>() -> Vec<String> {
    C::iter().map(|column| column.as_str().to_owned()).collect()
}

/// Gives a person this amount of data.
async fn load(app: &TestApp, person: &Person, weight: &Weight) {
    let project = person.create_project("Reading list").await;
    let job = person.start_generation(&project).await;
    person.job_once(&job, "succeeded").await;
    let Weight { projects, jobs } = weight;
    let numbers = |last: u32| format!("(SELECT n FROM numbers LIMIT {last}) AS numbers");
    let own = "(SELECT id FROM users WHERE email = 'heavy@example.org')";
    let rows = format!("projects AS t CROSS JOIN {} WHERE t.user_id = {own}", numbers(*projects));
    copy(app, "projects", &columns::<projects::Column>(), &[("id", "{id}")], &rows).await;
    let rows = format!(
        "(SELECT * FROM project_versions LIMIT 1) AS t CROSS JOIN projects AS p CROSS JOIN {} WHERE p.user_id = {own}",
        numbers(VERSIONS)
    );
    let changed = [("id", "{id}"), ("project_id", "p.id"), ("number", "n + 1"), ("job_id", "NULL")];
    copy(app, "project_versions", &columns::<project_versions::Column>(), &changed, &rows).await;
    let rows =
        "(SELECT * FROM project_files LIMIT 1) AS t CROSS JOIN project_versions AS v WHERE v.number > 1";
    copy(app, "project_files", &columns::<project_files::Column>(), &[("version_id", "v.id")], rows).await;
    let job = "(SELECT * FROM jobs WHERE kind = 'generation.run' LIMIT 1) AS t";
    let rows = format!("{job} CROSS JOIN {}", numbers(jobs / 10 * 9));
    let ended = [("id", "{id}"), ("unique_key", "NULL"), ("subject_id", "NULL")];
    copy(app, "jobs", &columns::<jobs::Column>(), &ended, &rows).await;
    let rows = format!("{job} CROSS JOIN {}", numbers(jobs / 10));
    let waiting = [
        ("id", "{id}"),
        ("unique_key", "NULL"),
        ("subject_id", "NULL"),
        ("state", "'scheduled'"),
        ("phase", "0"),
        ("run_at", "'2099-01-01T00:00:00+00:00'"),
        ("finished_at", "NULL"),
        ("result", "NULL"),
    ];
    copy(app, "jobs", &columns::<jobs::Column>(), &waiting, &rows).await;
    let rows = "(SELECT * FROM job_events LIMIT 1) AS t CROSS JOIN jobs AS j WHERE j.kind = 'generation.run' \
        AND j.id NOT IN (SELECT job_id FROM job_events)";
    copy(app, "job_events", &columns::<job_events::Column>(), &[("job_id", "j.id")], rows).await;
    let rows = format!("(SELECT * FROM mail_messages LIMIT 1) AS t CROSS JOIN {}", numbers(projects * 2));
    let changed = [("id", "{id}"), ("cause", "'copy ' || n")];
    copy(app, "mail_messages", &columns::<mail_messages::Column>(), &changed, &rows).await;
    let rows = format!(
        "(SELECT * FROM audit_log WHERE actor_id IS NOT NULL LIMIT 1) AS t CROSS JOIN {}",
        numbers(projects * 5)
    );
    copy(app, "audit_log", &columns::<audit_log::Column>(), &[("id", "{id}")], &rows).await;
    let rows = format!("(SELECT * FROM credit_transactions LIMIT 1) AS t CROSS JOIN {}", numbers(*projects));
    let changed = [("id", "{id}"), ("job_id", "NULL")];
    copy(app, "credit_transactions", &columns::<credit_transactions::Column>(), &changed, &rows).await;
}

/// The remaining rows of the erased person.
async fn left(app: &TestApp, erased: UserId) -> Vec<(&'static str, u64)> {
    let db = app.db();
    macro_rules! count {
        ($($table:ident $(where $condition:expr)?),+ $(,)?) => {
            vec![$((
                stringify!($table),
                $table::Entity::find()$(.filter($condition))?.count(db).await.expect("counted"),
            )),+]
        };
    }
    let mut counts = count!(
        projects,
        project_versions,
        project_files,
        account_erasures,
        users where users::Column::Email.ne("bob@example.org"),
        jobs where jobs::Column::OwnerId.is_not_null(),
        mail_messages where mail_messages::Column::Recipient.ne("bob@example.org"),
        audit_log where audit_log::Column::ActorId.eq(erased),
    );
    let of_one = count!(sessions, credit_transactions);
    counts.extend(of_one.into_iter().map(|(table, rows)| (table, rows.saturating_sub(1))));
    counts.into_iter().filter(|(_, rows)| *rows > 0).collect()
}

/// The duration of the slowest request of another person until the account is erased. The
/// requests read and write.
#[expect(clippy::print_stdout, reason = "prints the duration")]
async fn slowest(app: &TestApp, stranger: &Person, erased: UserId) -> Duration {
    let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
    for number in 0.. {
        let erasures = account_erasures::Entity::find().count(app.db()).await.expect("counted");
        if erasures == 0 {
            break;
        }
        assert!(begun.elapsed() < ERASED_IN, "not erased in time: {:?}", left(app, erased).await);
        let asked = Instant::now();
        let name = json!({"full_name": format!("Bob the {number}th")});
        let _changed = stranger.client.call("PUT", "/api/users/me").json(&name).send().await.expect(200);
        let _listed = stranger.client.get("/api/projects").send().await.expect(200);
        let _counted = stranger.client.get("/api/jobs").send().await.expect(200);
        slowest = slowest.max(asked.elapsed());
    }
    println!("erased in {:?}, slowest three requests {slowest:?}", begun.elapsed());
    slowest
}

async fn erase(setup: AppSetup, weight: Weight) {
    let app = setup.start().await;
    let heavy = app.client().register("heavy@example.org").await;
    load(&app, &heavy, &weight).await;
    let stranger = app.client().register("bob@example.org").await;

    let asked = Instant::now();
    let password = json!({"password": PASSWORD});
    let _closed = heavy.client.call("DELETE", "/api/users/me").json(&password).send().await.expect(200);
    let closed_in = asked.elapsed();
    let erased = heavy.id.parse().expect("an id");
    let slowest = slowest(&app, &stranger, erased).await;

    assert!(closed_in < ANSWERED_IN, "closed in {closed_in:?}");
    assert!(slowest < ANSWERED_IN, "a stranger waited for {slowest:?}");
    until("the job has ended", async || {
        let job = app.jobs_of("account.erase").await.into_iter().next()?;
        (job.state == JobState::Succeeded).then_some(())
    })
    .await;
    assert_eq!(left(&app, erased).await, []);
    app.finish().await;
}

pub(super) async fn an_account_is_erased_while_others_are_answered(setup: AppSetup) {
    erase(setup, Weight { projects: 50, jobs: 5_000 }).await;
}

/// Twenty times the data, to measure the duration:
/// `scripts/test -p atelier-tests heavy -- --ignored --nocapture`.
mod heavy {
    use super::*;

    const WEIGHT: Weight = Weight { projects: 1_000, jobs: 100_000 };

    #[ignore = "takes a minute"]
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_heavy_account_is_erased_on_sqlite() {
        erase(AppSetup::embedded(), WEIGHT).await;
    }

    #[ignore = "takes a minute"]
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_heavy_account_is_erased_on_postgresql() {
        erase(AppSetup::scaled().await, WEIGHT).await;
    }
}
