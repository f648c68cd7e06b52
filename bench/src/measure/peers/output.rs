//! Runs a program and reads its output.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, bail};
use tokio::{process::Command, time};

/// Longest that a program of a queue may take for one run.
const LIMIT: Duration = Duration::from_secs(180);

/// What a program writes to standard output; an error where it does not end well in time.
pub(super) async fn read(command: Command) -> anyhow::Result<String> {
    read_within(command, LIMIT).await
}

/// The same with another limit.
pub(in crate::measure) async fn read_within(mut command: Command, limit: Duration) -> anyhow::Result<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    let output = time::timeout(limit, command.output()).await.context("it took too long")?;
    let output = output.context("it cannot be run")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("it failed: {}", error_line(&errors).chars().take(200).collect::<String>());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The line that names the error. Python and Rust end with it, Node.js begins with it, after the line of code that
/// threw it.
fn error_line(errors: &str) -> &str {
    let names_error = |line: &&str| line.contains("Error: ") || line.contains("Error [");
    let mut lines = errors.lines().filter(|line| !line.trim().is_empty());
    let last = lines.clone().next_back().unwrap_or("it printed nothing");
    if names_error(&last) { last } else { lines.find(names_error).unwrap_or(last) }
}

#[cfg(test)]
mod tests {
    use super::error_line;

    #[test]
    fn finds_the_line_that_names_the_error() {
        for (errors, expected) in [
            ("Error: no package\n    at load\n\nNode.js v20\n", "Error: no package"),
            ("  raise ValueError\nValueError: too many\n", "ValueError: too many"),
            (
                "  Error.captureStackTrace(err);\n  ^\nTypeError [CODE]: no\n    at load\n",
                "TypeError [CODE]: no",
            ),
            ("something\nwent wrong\n", "went wrong"),
            ("\n", "it printed nothing"),
        ] {
            assert_eq!(error_line(errors), expected);
        }
    }
}
