//! Being stopped while it starts.

#![cfg(unix)]

use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::process::Environment;

#[tokio::test]
async fn a_start_that_waits_for_the_database_ends_at_once_when_it_is_told_to() {
    let programs = [
        env!("CARGO_BIN_EXE_atelier-api"),
        env!("CARGO_BIN_EXE_atelier-worker"),
        env!("CARGO_BIN_EXE_atelier-scheduler"),
    ];
    for (program, signal) in programs.into_iter().zip(["TERM", "INT", "TERM"]) {
        let folder = TempDir::new().expect("a folder");
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let database = format!("postgres://u@{}/atelier", silent.local_addr().expect("an address"));
        // Longer than the test has patience: nothing but the signal ends it.
        let environment = Environment::split(folder.path(), &database)
            .with("ATELIER_DATABASE__ACQUIRE_TIMEOUT_SECS", "300");

        let waiting = environment.start(program);
        let _taken = silent.accept().await.expect("it connects");
        waiting.signal(signal).await;
        let ended = waiting.ended().await;

        assert_eq!(ended.code, Some(0), "{ended:?}");
        let told: Vec<_> = ended.lines().into_iter().map(|line| line["level"].clone()).collect();
        assert!(told.iter().all(|level| level == "INFO" || level == "WARN"), "{ended:?}");
    }
}
