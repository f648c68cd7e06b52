//! Processes of Atelier that do not inherit the environment of the test.

use std::{
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use atelier_config::Settings;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::timeout,
};

/// Longer than a start or an exit takes on a busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The environment variables of a process.
pub(crate) struct Environment(Vec<(String, String)>);

impl Environment {
    /// An embedded instance in this folder, with JSON logs.
    pub(crate) fn embedded(folder: &Path) -> Self {
        Self(Vec::new())
            .with("DATA_DIR", &folder.display().to_string())
            .with("BIND", "127.0.0.1:0")
            .with("ATELIER_TELEMETRY__LOG_FORMAT", "json")
    }

    /// A split role on this database, with a Redis that is unreachable.
    pub(crate) fn split(folder: &Path, database: &str) -> Self {
        Self::embedded(folder)
            .with("DATABASE_URL", database)
            .with("REDIS_URL", "redis://127.0.0.1:1")
            .with("JWT_SECRET", "a signing secret for tests, used nowhere else")
    }

    /// A split role with the database and Redis of these settings.
    pub(crate) fn shared(settings: &Settings) -> Self {
        let redis = settings.redis_url().expect("a Redis");
        Self::split(&settings.server.data_dir, &settings.database_url())
            .with("REDIS_URL", redis.expose_secret())
            .with("ATELIER_REDIS__KEY_PREFIX", &settings.redis.key_prefix)
    }

    /// Sets a variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The command with only these variables.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.0.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs a program until it exits.
    pub(crate) async fn run(&self, program: &str, args: &[&str]) -> Exited {
        exited(self.command(program).args(args)).await
    }

    /// Starts a program.
    pub(crate) fn start(&self, program: &str) -> Running {
        let mut child = self.command(program).spawn().expect("the program starts");
        let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        Running { child, lines }
    }
}

/// A process that has exited.
#[derive(Debug)]
pub(crate) struct Exited {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Exited {
    /// Its log lines. Each line on standard error must be JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} is not JSON"));
        self.stderr.lines().map(line).collect()
    }

    /// The message of the last line, which must be an error.
    pub(crate) fn last_message(&self) -> String {
        let last = self.lines().pop().expect("a line");
        assert_eq!(last["level"], "ERROR", "{last}");
        last["message"].as_str().expect("a message").to_owned()
    }
}

/// Runs a command until it exits.
pub(crate) async fn exited(command: &mut Command) -> Exited {
    let output = timeout(TIME_LIMIT, command.output()).await.expect("it exits in time");
    let Output { status, stderr, .. } = output.expect("the program runs");
    Exited { code: status.code(), stderr: String::from_utf8(stderr).expect("text") }
}

/// A running process.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Running {
    /// Waits until it logs its address, and returns the URL.
    pub(crate) async fn url(&mut self) -> String {
        let url = async {
            while let Some(line) = self.lines.next_line().await.expect("text") {
                let line: Value =
                    serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?} is not JSON"));
                if let Some(address) = line["address"].as_str() {
                    return format!("http://{address}");
                }
            }
            panic!("it exited without logging an address")
        };
        timeout(TIME_LIMIT, url).await.expect("it listens in time")
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().await;
        assert!(sent.expect("kill runs").success(), "{name} reaches it");
    }

    /// Waits until it exits.
    pub(crate) async fn exited(self) -> Exited {
        let Self { mut child, lines } = self;
        let (mut rest, mut stderr) = (lines.into_inner(), String::new());
        let finish = async { tokio::join!(child.wait(), rest.read_to_string(&mut stderr)) };
        let (status, read) = timeout(TIME_LIMIT, finish).await.expect("it exits in time");
        read.expect("text");
        Exited { code: status.expect("it can be waited for").code(), stderr }
    }
}
