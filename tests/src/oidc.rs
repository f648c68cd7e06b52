//! Google, Apple and GitHub on one port: a real OpenID Connect server, the package
//! oidc-provider of Node.js, which signs in whomever the test says.
//! `scripts/node-packages` installs it; `tests/oidc/server.mjs` runs it.

mod browser;

use atelier_config::Settings;
use serde_json::{Value, json};

use crate::app::AppSetup;
use crate::client::Client;
use crate::node::NodeServer;

pub use self::browser::{Arrival, Browser, Return};

/// How browsers reach an instance whose people sign in at the server.
pub(crate) const PUBLIC_URL: &str = "https://atelier.test";
/// Where its frontend is.
pub(crate) const FRONTEND_URL: &str = "https://app.atelier.test";

/// A running server; it ends when the value is dropped.
pub struct IdentityServer {
    client: Client,
    server: NodeServer,
}

impl IdentityServer {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// If it does not start: `scripts/test` installs it.
    pub async fn start() -> Self {
        let server = NodeServer::start("oidc", &[PUBLIC_URL]).await;
        let client = Client::new(server.told["url"].as_str().expect("an address"));
        Self { client, server }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        self.client.base()
    }

    /// Makes every token wrong in this way from now on; an empty name makes them good
    /// again. `tests/oidc/keys.mjs` has the names.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn set_fault(&self, fault: &str) {
        self.control(json!({"fault": fault})).await;
    }

    /// Signs with another key from now on.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn rotate_keys(&self) {
        self.control(json!({"rotate": true})).await;
    }

    /// How often tokens and keys were asked for.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn count_requests(&self) -> (u64, u64) {
        let counts = self.control(json!({})).await;
        (counts["tokens"].as_u64().expect("a number"), counts["keySets"].as_u64().expect("a number"))
    }

    async fn control(&self, wanted: Value) -> Value {
        self.client.post("/control").json(&wanted).send().await.expect(200).json()
    }

    fn text(&self, pointer: &str) -> String {
        self.server.told.pointer(pointer).and_then(Value::as_str).expect("the server tells it").to_owned()
    }

    fn configure(&self, settings: &mut Settings) {
        let url = self.url();
        settings.server.public_url = PUBLIC_URL.to_owned();
        let oauth = &mut settings.oauth;
        oauth.frontend_url = FRONTEND_URL.to_owned();
        oauth.google.client_id = "google-client".to_owned();
        oauth.google.client_secret = self.text("/secret").into();
        oauth.google.issuer = format!("{url}/google");
        oauth.github.client_id = "github-client".to_owned();
        oauth.github.client_secret = self.text("/secret").into();
        oauth.github.authorize_url = format!("{url}/github/login/oauth/authorize");
        oauth.github.token_url = format!("{url}/github/login/oauth/access_token");
        oauth.github.api_url = format!("{url}/github/api");
        oauth.apple.client_id = self.text("/apple/client");
        oauth.apple.team_id = self.text("/apple/team");
        oauth.apple.key_id = self.text("/apple/key");
        oauth.apple.private_key = self.text("/apple/private_key").into();
        oauth.apple.issuer = format!("{url}/apple");
    }
}

impl AppSetup {
    /// The same with people signing in at this server, as Google's, Apple's and
    /// GitHub's. The instance's public URL is an https one, which [`Browser`] knows to
    /// reach.
    #[must_use]
    pub fn with_sign_in(self, server: &IdentityServer) -> Self {
        self.with(|settings| server.configure(settings))
    }
}
