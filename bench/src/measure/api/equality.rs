//! Checks that both servers answer the same bodies and write the same rows. A yardstick that
//! did less would make the comparison worthless.

use std::{collections::BTreeSet, sync::LazyLock};

use anyhow::{Context, ensure};
use atelier_entities::{
    JobId, ProjectId, UserId, audit_log, credit_transactions, jobs, project_messages, projects, users,
};
use chrono::DateTime;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use super::installation::{Installation, Server};
use crate::{
    measure::{
        accounts::{self, Account},
        load::{Connection, Request, Response},
    },
    yardstick::AT_ONCE,
};

/// Headers that must be equal.
const HEADERS: [&str; 4] = ["content-type", "x-total-count", "etag", "retry-after"];

/// Stands for a missing field: no field of an answer or a row has this value.
static ABSENT: LazyLock<Value> = LazyLock::new(|| "absent".into());

/// Fails where the servers answer a request differently.
pub(super) async fn check_read(
    installation: &Installation,
    path: &str,
    request: &Request,
) -> anyhow::Result<()> {
    let [product, yardstick] = installation.servers(0);
    ensure_equal(path, &ask(product, request).await?, &ask(yardstick, request).await?)
}

/// Fails where the servers answer the request of a generation differently, or write other
/// rows.
pub(super) async fn check_generation(installation: &Installation) -> anyhow::Result<()> {
    let [product, yardstick] = installation.servers(0);
    let written = generate(installation, product, "").await?;
    for prefix in ["", AT_ONCE] {
        ensure_equal("generation request", &written, &generate(installation, yardstick, prefix).await?)?;
    }
    Ok(())
}

fn ensure_equal(path: &str, product: &Value, yardstick: &Value) -> anyhow::Result<()> {
    let mut differences = Vec::new();
    compare("", product, yardstick, &mut differences);
    ensure!(
        differences.is_empty(),
        "{path}: the yardstick does not do what the product does:\n{}",
        differences.join("\n")
    );
    Ok(())
}

/// Lists where two values differ.
fn compare(place: &str, product: &Value, yardstick: &Value, differences: &mut Vec<String>) {
    match (product, yardstick) {
        (Value::Object(own), Value::Object(other)) => {
            let keys: BTreeSet<&String> = own.keys().chain(other.keys()).collect();
            for key in keys {
                let [own, other] = [own, other].map(|fields| fields.get(key).unwrap_or(&*ABSENT));
                compare(&format!("{place}/{key}"), own, other, differences);
            }
        }
        (Value::Array(own), Value::Array(other)) if own.len() == other.len() => {
            for (index, (own, other)) in own.iter().zip(other).enumerate() {
                compare(&format!("{place}/{index}"), own, other, differences);
            }
        }
        (own, other) if own != other => differences.push(format!("{place}: {own}, yardstick: {other}")),
        _ => {}
    }
}

async fn ask(server: Server, request: &Request) -> anyhow::Result<Value> {
    visible(&Connection::open(server.address).await?.send(request).await?)
}

/// Status, headers and body of a response.
fn visible(answer: &Response) -> anyhow::Result<Value> {
    let body = accounts::parse_body(answer)?;
    let headers = HEADERS.map(|name| (name, answer.header(name)));
    let headers: Value = headers.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    Ok(json!({"status": answer.status, "headers": headers, "body": body}))
}

/// The answer to a new person's request of a generation, and the rows that it wrote, with
/// names in place of ids and times.
async fn generate(installation: &Installation, server: Server, prefix: &str) -> anyhow::Result<Value> {
    let account = Account::register(installation.product.address).await?;
    let project = account.project();
    let answer =
        Connection::open(server.address).await?.send(&account.generation_under(prefix, project)).await?;
    let visible = visible(&answer)?;
    let location = answer.header("location").context("the answer names no job")?;
    let job = location.strip_prefix("/api/jobs/").context("the job has another address")?;
    let project_id = ProjectId(project.parse()?);
    let rows = rows_of(&installation.db, project_id, JobId(job.parse()?)).await?;
    let user = rows["project"]["user_id"].as_str().context("the project has no owner")?.to_owned();
    let account = account_row(&installation.db, UserId(user.parse()?)).await?;
    let names = [(project, "project"), (job, "job"), (user.as_str(), "user")];
    Ok(with_names(json!({"answer": visible, "rows": rows, "account": account}), &names))
}

/// The rows that a generation's request writes.
async fn rows_of(db: &DatabaseConnection, project: ProjectId, job: JobId) -> anyhow::Result<Value> {
    let entries = credit_transactions::Entity::find().filter(credit_transactions::Column::JobId.eq(job));
    let target = format!("project:{project}");
    let audit = audit_log::Entity::find()
        .filter(audit_log::Column::Target.eq(target))
        .filter(audit_log::Column::Action.eq("generation.start"));
    let message = project_messages::Entity::find().filter(project_messages::Column::JobId.eq(job));
    let mut row = jobs::Entity::find_by_id(job).into_json().one(db).await?.context("no job was written")?;
    make_rank_relative(&mut row)?;
    Ok(json!({
        "job": row,
        "project": projects::Entity::find_by_id(project).into_json().one(db).await?,
        "entries": entries.into_json().all(db).await?,
        "audit": audit.into_json().all(db).await?,
        "message": message.into_json().one(db).await?,
    }))
}

/// The fields of an account that the request changes.
async fn account_row(db: &DatabaseConnection, user: UserId) -> anyhow::Result<Value> {
    let row = users::Entity::find_by_id(user).one(db).await?.context("no account")?;
    Ok(json!({"credits": row.credits, "is_changed": row.updated_at > row.created_at}))
}

/// Replaces the rank by its distance from the moment at which the job is due.
fn make_rank_relative(job: &mut Value) -> anyhow::Result<()> {
    let run_at = job["run_at"].as_str().context("the job has no run_at")?;
    let run_at = DateTime::parse_from_rfc3339(run_at)?.timestamp_millis();
    job["rank"] = (job["rank"].as_i64().context("the job has no rank")? - run_at).into();
    Ok(())
}

/// The value with these ids replaced by names, other ids by `id` and times by `time`.
fn with_names(value: Value, names: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => {
            let named = names.iter().fold(text, |text, (id, name)| text.replace(id, name));
            if Uuid::try_parse(&named).is_ok() || is_trace_parent(&named) {
                "id".into()
            } else if DateTime::parse_from_rfc3339(&named).is_ok() {
                "time".into()
            } else {
                named.into()
            }
        }
        Value::Array(values) => values.into_iter().map(|value| with_names(value, names)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, with_names(value, names))).collect()
        }
        other => other,
    }
}

/// Whether a text is a W3C traceparent: version, trace, span and flags.
fn is_trace_parent(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([2, 32, 16, 2]) && parts.into_iter().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_two_requests_differ_in_ids_and_times_alone() {
        let job = |id: &str, at: &str, millis: i64| {
            let mut row =
                json!({"id": id, "run_at": at, "rank": millis, "target": format!("job:{id}"), "attempt": 0});
            make_rank_relative(&mut row).expect("a job");
            with_names(row, &[(id, "job")])
        };
        let first = job("0190a0b0-0000-7000-8000-000000000001", "2026-01-01T00:00:00Z", 1_767_225_600_000);
        let second = job("0190a0b0-0000-7000-8000-000000000002", "2026-01-01T00:00:01Z", 1_767_225_601_000);
        let other = job("0190a0b0-0000-7000-8000-000000000003", "2026-01-01T00:00:01Z", 1_767_225_601_001);

        assert!(ensure_equal("jobs", &first, &second).is_ok());
        let error = ensure_equal("jobs", &first, &other).expect_err("it would be run later").to_string();
        assert!(error.ends_with("/rank: 0, yardstick: 1"), "{error}");
        assert_eq!(first["target"], "job:job");
    }

    #[test]
    fn a_field_that_is_missing_is_a_difference() {
        let (long, short) = (json!({"a": [{"b": null, "c": 1}]}), json!({"a": [{"c": 1}]}));

        for (product, yardstick) in [(&long, &short), (&short, &long)] {
            assert!(
                ensure_equal("", product, yardstick).is_err_and(|error| error.to_string().contains("/a/0/b"))
            );
        }
        assert!(ensure_equal("", &long, &long).is_ok());
    }

    #[test]
    fn knows_trace_parents() {
        assert!(is_trace_parent("00-0a2ff01b42fc613124be9bb25802731d-134e1d052158f770-00"));
        assert!(!is_trace_parent("00-0a2ff01b42fc613124be9bb25802731d-134e1d052158f770"));
    }
}
