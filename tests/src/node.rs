//! Servers for tests that are programs of Node.js. `scripts/node-packages` installs
//! them below `target/node`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::environment::node;

const PATIENCE: Duration = Duration::from_secs(20);

/// A running `server.mjs`, which speaks in lines of JSON. It ends with its process or
/// its input, whichever is dropped first.
pub(crate) struct NodeServer {
    /// The line it began with: where it listens.
    pub(crate) told: Value,
    /// What it is told.
    pub(crate) input: NodeInput,
    /// What it tells after its first line.
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
    /// Killed when it is dropped.
    pub(crate) process: Child,
}

/// The standard input of a server.
pub(crate) struct NodeInput(ChildStdin);

impl NodeServer {
    /// Starts the server of `tests/<folder>` and waits until it listens.
    ///
    /// # Panics
    /// If it does not start: `scripts/test` installs it.
    pub(crate) async fn start(folder: &str, args: &[&str]) -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/node").join(folder);
        let mut process = Command::new(node())
            .arg("server.mjs")
            .args(args)
            .current_dir(&home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("no server in {}: {error}: run scripts/test", home.display()));
        let input = NodeInput(process.stdin.take().expect("its input is piped"));
        let mut lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
        let first = timeout(PATIENCE, lines.next_line()).await;
        let first = first.unwrap_or_else(|_| panic!("the server of tests/{folder} is slow to start"));
        let first = first.ok().flatten();
        let first =
            first.unwrap_or_else(|| panic!("the server of tests/{folder} does not start: run scripts/test"));
        let told = serde_json::from_str(&first).expect("it speaks JSON");
        Self { told, input, lines, process }
    }
}

impl NodeInput {
    /// Tells the server something.
    ///
    /// # Panics
    /// If the server is gone.
    pub(crate) async fn write(&mut self, line: &Value) {
        let written = async {
            self.0.write_all(format!("{line}\n").as_bytes()).await?;
            self.0.flush().await
        };
        written.await.expect("the server reads what it is told");
    }
}
