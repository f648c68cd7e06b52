//! Test servers that are Node.js programs. `scripts/node-packages` installs them under
//! `target/node`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::environment::node;

const TIME_LIMIT: Duration = Duration::from_secs(20);

/// How long a build by Vite may take.
#[cfg(unix)]
const BUILD_LIMIT: Duration = Duration::from_secs(120);

/// A running `server.mjs`, which reads and writes lines of JSON. It ends when its process or
/// its input is dropped.
pub(crate) struct NodeServer {
    /// Its first line, with its address.
    pub(crate) greeting: Value,
    /// Its standard input.
    pub(crate) input: NodeInput,
    /// The lines after the first one.
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
    /// Its process, which is killed when it is dropped.
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
        let home = home_of(folder);
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
        let first = timeout(TIME_LIMIT, lines.next_line()).await;
        let first = first.unwrap_or_else(|_| panic!("the server of tests/{folder} does not start in time"));
        let first = first.ok().flatten();
        let first =
            first.unwrap_or_else(|| panic!("the server of tests/{folder} does not start: run scripts/test"));
        let greeting = serde_json::from_str(&first).expect("the line is JSON");
        Self { greeting, input, lines, process }
    }
}

/// Whether the server of `tests/<folder>` is installed.
pub(crate) fn is_installed(folder: &str) -> bool {
    home_of(folder).join("server.mjs").exists()
}

fn home_of(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/node").join(folder)
}

/// Builds a project by the Vite of `tests/vite`. Returns its output where it fails.
///
/// # Panics
/// If Vite is not there: `scripts/test` installs it.
#[cfg(unix)]
pub async fn run_vite(project: &Path) -> Result<(), String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/node/vite/node_modules");
    let home = home.canonicalize().expect("the packages are installed: run scripts/test");
    std::os::unix::fs::symlink(&home, project.join("node_modules")).expect("a link can be made");
    let mut command = Command::new(node());
    command.arg(home.join("vite/bin/vite.js")).arg("build").current_dir(project).kill_on_drop(true);
    let output = timeout(BUILD_LIMIT, command.output()).await.expect("Vite ends in time").expect("Vite runs");
    let text = [output.stdout, output.stderr].concat();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&text).into_owned()) }
}

impl NodeInput {
    /// Writes a line to the server.
    ///
    /// # Panics
    /// If the server is gone.
    pub(crate) async fn write(&mut self, line: &Value) {
        let written = async {
            self.0.write_all(format!("{line}\n").as_bytes()).await?;
            self.0.flush().await
        };
        written.await.expect("the server reads its input");
    }
}
