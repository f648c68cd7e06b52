//! The messages of processes that cannot start.

use atelier_tests::TestDatabase;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpListener};
use url::Url;
use uuid::Uuid;

use crate::process::{Environment, Exited};

const WORKER: &str = env!("CARGO_BIN_EXE_atelier-worker");
const ATELIER: &str = env!("CARGO_BIN_EXE_atelier");

/// Starts a worker on a database that it cannot use.
async fn worker_on(database: &str) -> Exited {
    let folder = TempDir::new().expect("a folder");
    let environment =
        Environment::split(folder.path(), database).with("ATELIER_DATABASE__ACQUIRE_TIMEOUT_SECS", "1");
    let exited = environment.run(WORKER, &[]).await;
    assert_eq!(exited.code, Some(1), "{exited:?}");
    assert!(!exited.stderr.contains("hunter2"), "a password is logged: {exited:?}");
    exited
}

/// Asserts that the last line names the database, and the cause once.
fn assert_cause(exited: &Exited, url: &str, cause: &str) {
    let url = Url::parse(url).expect("a URL");
    let (host, port) = (url.host_str().expect("a host"), url.port().expect("a port"));
    let message = exited.last_message();
    assert!(
        message.starts_with(&format!("cannot connect to the database at {host}:{port}{}: ", url.path())),
        "{message}"
    );
    assert_eq!(message.matches(cause).count(), 1, "{cause:?} in {message:?}");
    assert!(!message.contains("timed out"), "{message}");
}

#[tokio::test]
async fn a_closed_port_is_reported() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("postgres://u:hunter2@{}/atelier", free.local_addr().expect("an address"));
    drop(free);
    assert_cause(&worker_on(&url).await, &url, "Connection refused");
}

#[tokio::test]
async fn a_server_that_is_not_postgresql_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("postgres://u:hunter2@{}/atelier", listener.local_addr().expect("an address"));
    let other = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert_cause(&worker_on(&url).await, &url, "does not answer as PostgreSQL does");
    other.abort();
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_reported() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("postgres://u:hunter2@{}/atelier", silent.local_addr().expect("an address"));
    assert_cause(&worker_on(&url).await, &url, "no answer within 1 s");
}

#[tokio::test]
async fn a_host_without_an_address_is_reported() {
    let url = "postgres://u:hunter2@nowhere.invalid:5432/atelier";
    assert_cause(&worker_on(url).await, url, "failed to lookup address");
}

#[tokio::test]
async fn a_wrong_password_database_or_tls_mode_is_reported() {
    let database = TestDatabase::create().await;
    let changed = |change: &dyn Fn(&mut Url)| {
        let mut url = Url::parse(&database.url).expect("a URL");
        change(&mut url);
        url.to_string()
    };
    let wrong = changed(&|url| url.set_password(Some("hunter2")).expect("a password"));
    assert_cause(&worker_on(&wrong).await, &wrong, "password authentication failed");
    let unknown = changed(&|url| url.set_path("nowhere"));
    assert_cause(&worker_on(&unknown).await, &unknown, "\"nowhere\" does not exist");
    let plain = changed(&|url| url.set_query(Some("sslmode=require")));
    assert_cause(&worker_on(&plain).await, &plain, "does not support TLS");
}

#[tokio::test]
async fn a_server_with_too_many_clients_is_reported() {
    let database = TestDatabase::create().await;
    let user = format!("atelier_test_{}", Uuid::new_v4().simple());
    let run = async |sql: String| database.connection.execute_unprepared(&sql).await.expect("done");
    run(format!("CREATE ROLE {user} LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 0")).await;
    let mut url = Url::parse(&database.url).expect("a URL");
    url.set_username(&user).expect("a user");
    url.set_password(Some("hunter2")).expect("a password");

    assert_cause(&worker_on(url.as_str()).await, url.as_str(), "too many connections");

    run(format!("DROP ROLE {user}")).await;
}

#[tokio::test]
async fn wrong_settings_are_one_line_of_json_in_json_logs() {
    let folder = TempDir::new().expect("a folder");
    let wrong = Environment::split(folder.path(), "postgres://u@127.0.0.1:1/a").with("RUST_LOG", "a=b=c");

    let worker = wrong.run(WORKER, &[]).await;
    assert_eq!((worker.code, worker.lines().len()), (Some(2), 1), "{worker:?}");
    assert!(worker.last_message().contains("telemetry.log_filter"), "{worker:?}");

    let config = wrong.run(ATELIER, &["config"]).await;
    assert_eq!(config.code, Some(2), "{config:?}");
    assert!(
        config.stderr.starts_with("the configuration has a problem:\n"),
        "a command prints text: {config:?}"
    );
}
