//! A real browser, where there is one.

use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::environment::{chromium, is_ci};

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Says that a test leaves something out, and why.
///
/// # Panics
/// Where `CI` is set: there nothing may be missing.
#[expect(clippy::print_stderr, reason = "the reader of a test run has to see what was left out")]
pub fn skip(reason: &str) {
    assert!(!is_ci(), "{reason}: scripts/test installs what is missing");
    eprintln!("left out: {reason}");
}

/// Chromium with a profile of its own, which keeps the data of sites between two pages.
#[derive(Debug)]
pub struct Chromium {
    program: String,
    profile: TempDir,
}

impl Chromium {
    /// The browser of this machine; none where there is none, which is said. `TEST_CHROMIUM`
    /// names another one than `chromium`.
    ///
    /// # Panics
    /// If there is no browser where `CI` is set, or no temporary folder.
    pub async fn find() -> Option<Self> {
        let program = chromium();
        let mut version = Command::new(&program);
        let answered = version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
        let is_there = answered.is_ok_and(|status| status.success());
        if !is_there {
            skip("there is no Chromium");
            return None;
        }
        let profile = TempDir::with_prefix("atelier-chromium-").expect("a temporary folder can be created");
        Some(Self { program, profile })
    }

    /// Opens a page, lets its scripts run, and returns the document as HTML.
    ///
    /// # Panics
    /// If the browser does not answer.
    pub async fn open(&self, url: &str) -> String {
        let mut command = Command::new(&self.program);
        command
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                // Containers have little of it.
                "--disable-dev-shm-usage",
                "--virtual-time-budget=5000",
                "--dump-dom",
            ])
            .arg(format!("--user-data-dir={}", self.profile.path().display()))
            .arg(url)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(TIME_LIMIT, command.output()).await.expect("the browser answers in time");
        String::from_utf8_lossy(&output.expect("the browser runs").stdout).into_owned()
    }
}
