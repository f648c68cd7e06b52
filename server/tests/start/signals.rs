//! Signals during the start.

#![cfg(unix)]

use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::process::Environment;

#[tokio::test]
async fn a_signal_ends_a_start_that_waits_for_the_database() {
    let programs = [
        env!("CARGO_BIN_EXE_atelier-api"),
        env!("CARGO_BIN_EXE_atelier-worker"),
        env!("CARGO_BIN_EXE_atelier-scheduler"),
    ];
    for (program, signal) in programs.into_iter().zip(["TERM", "INT", "TERM"]) {
        let folder = TempDir::new().expect("a folder");
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let database = format!("postgres://u@{}/atelier", silent.local_addr().expect("an address"));
        // Longer than the time limit of the test, so that only the signal ends the start.
        let environment = Environment::split(folder.path(), &database)
            .with("ATELIER_DATABASE__ACQUIRE_TIMEOUT_SECS", "300");

        let waiting = environment.start(program);
        let _taken = silent.accept().await.expect("it connects");
        waiting.signal(signal).await;
        let exited = waiting.exited().await;

        assert_eq!(exited.code, Some(0), "{exited:?}");
        let levels: Vec<_> = exited.lines().into_iter().map(|line| line["level"].clone()).collect();
        assert!(levels.iter().all(|level| level == "INFO" || level == "WARN"), "{exited:?}");
    }
}
