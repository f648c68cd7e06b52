//! What a process says that cannot start.

use atelier_tests::TestDatabase;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpListener};
use url::Url;
use uuid::Uuid;

use crate::process::{Ended, Environment};

const WORKER: &str = env!("CARGO_BIN_EXE_atelier-worker");
const ATELIER: &str = env!("CARGO_BIN_EXE_atelier");

/// A worker on that database, which it cannot use.
async fn worker_on(database: &str) -> Ended {
    let folder = TempDir::new().expect("a folder");
    let environment =
        Environment::split(folder.path(), database).with("ATELIER_DATABASE__ACQUIRE_TIMEOUT_SECS", "1");
    let ended = environment.run(WORKER, &[]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(!ended.stderr.contains("hunter2"), "a password is told: {ended:?}");
    ended
}

/// Its last line names the place and, once, the cause.
fn assert_told(ended: &Ended, url: &str, cause: &str) {
    let url = Url::parse(url).expect("a URL");
    let (host, port) = (url.host_str().expect("a host"), url.port().expect("a port"));
    let told = ended.last_words();
    assert!(
        told.starts_with(&format!("cannot connect to the database at {host}:{port}{}: ", url.path())),
        "{told}"
    );
    assert_eq!(told.matches(cause).count(), 1, "{cause:?} in {told:?}");
    assert!(!told.contains("timed out"), "{told}");
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("postgres://u:hunter2@{}/atelier", free.local_addr().expect("an address"));
    drop(free);
    assert_told(&worker_on(&url).await, &url, "Connection refused");
}

#[tokio::test]
async fn a_server_that_is_no_postgresql() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("postgres://u:hunter2@{}/atelier", listener.local_addr().expect("an address"));
    let other = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert_told(&worker_on(&url).await, &url, "does not answer as PostgreSQL does");
    other.abort();
}

#[tokio::test]
async fn a_server_that_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("postgres://u:hunter2@{}/atelier", silent.local_addr().expect("an address"));
    assert_told(&worker_on(&url).await, &url, "no answer within 1 s");
}

#[tokio::test]
async fn a_host_that_has_no_address() {
    let url = "postgres://u:hunter2@nowhere.invalid:5432/atelier";
    assert_told(&worker_on(url).await, url, "failed to lookup address");
}

#[tokio::test]
async fn a_database_user_or_right_that_is_not_there() {
    let database = TestDatabase::create().await;
    let changed = |change: &dyn Fn(&mut Url)| {
        let mut url = Url::parse(&database.url).expect("a URL");
        change(&mut url);
        url.to_string()
    };
    let wrong = changed(&|url| url.set_password(Some("hunter2")).expect("a password"));
    assert_told(&worker_on(&wrong).await, &wrong, "password authentication failed");
    let unknown = changed(&|url| url.set_path("nowhere"));
    assert_told(&worker_on(&unknown).await, &unknown, "\"nowhere\" does not exist");
    let plain = changed(&|url| url.set_query(Some("sslmode=require")));
    assert_told(&worker_on(&plain).await, &plain, "does not support TLS");
}

#[tokio::test]
async fn a_server_that_has_too_many_clients() {
    let database = TestDatabase::create().await;
    let user = format!("atelier_test_{}", Uuid::new_v4().simple());
    let run = async |sql: String| database.connection.execute_unprepared(&sql).await.expect("done");
    run(format!("CREATE ROLE {user} LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 0")).await;
    let mut url = Url::parse(&database.url).expect("a URL");
    url.set_username(&user).expect("a user");
    url.set_password(Some("hunter2")).expect("a password");

    assert_told(&worker_on(url.as_str()).await, url.as_str(), "too many connections");

    run(format!("DROP ROLE {user}")).await;
}

#[tokio::test]
async fn settings_that_are_wrong_are_one_line_of_json_too() {
    let folder = TempDir::new().expect("a folder");
    let wrong = Environment::split(folder.path(), "postgres://u@127.0.0.1:1/a").with("RUST_LOG", "a=b=c");

    let worker = wrong.run(WORKER, &[]).await;
    assert_eq!((worker.code, worker.lines().len()), (Some(2), 1), "{worker:?}");
    assert!(worker.last_words().contains("telemetry.log_filter"), "{worker:?}");

    let config = wrong.run(ATELIER, &["config"]).await;
    assert_eq!(config.code, Some(2), "{config:?}");
    assert!(config.stderr.starts_with("the configuration has a problem:\n"), "people read it: {config:?}");
}
