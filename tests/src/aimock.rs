//! aimock, a server with the protocols of OpenAI, Claude and Gemini that others wrote.
//! `scripts/node-packages` installs it; `tests/aimock/server.mjs` runs it.

use serde_json::Value;

use crate::chromium::skip;
use crate::node::{NodeServer, is_installed};

/// A running server; it ends when the value is dropped.
pub struct AiMock {
    url: String,
    _node: NodeServer,
}

impl AiMock {
    /// Starts a server with these fixtures, a list of aimock's own form, on a free port. None
    /// where it is not installed, which is said.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(fixtures: &Value) -> Option<Self> {
        if !is_installed("aimock") {
            skip("aimock is not installed");
            return None;
        }
        let node = NodeServer::start("aimock", &[&fixtures.to_string()]).await;
        let url = node.greeting["url"].as_str().expect("an address").to_owned();
        Some(Self { url, _node: node })
    }

    /// The base URL without a path: the protocols have different ones.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}
