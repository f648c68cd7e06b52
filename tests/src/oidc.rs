//! Google, Apple and GitHub on one port: a real OpenID Connect server, the Node.js package
//! oidc-provider, which signs in the person that the test names.
//! `scripts/node-packages` installs it; `tests/oidc/server.mjs` runs it.

mod browser;

use atelier_config::Settings;
use serde_json::{Value, json};

use crate::app::AppSetup;
use crate::client::Client;
use crate::node::NodeServer;

pub use self::browser::{Browser, FragmentParams, ProviderRedirect};

/// The public URL of an instance that uses the server.
pub(crate) const PUBLIC_URL: &str = "https://atelier.test";
/// The URL of its frontend.
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
        let client = Client::new(server.greeting["url"].as_str().expect("an address"));
        Self { client, server }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.client.base()
    }

    /// Makes every further token invalid in this way; an empty name makes tokens valid again.
    /// `tests/oidc/keys.mjs` lists the names.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn set_fault(&self, fault: &str) {
        self.control(json!({"fault": fault})).await;
    }

    /// Signs further tokens with another key.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn rotate_keys(&self) {
        self.control(json!({"rotate": true})).await;
    }

    /// The numbers of requests for tokens and for keys.
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
        self.server
            .greeting
            .pointer(pointer)
            .and_then(Value::as_str)
            .expect("a field of the greeting")
            .to_owned()
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
    /// Uses this server as Google, Apple and GitHub. The instance's public URL starts with https;
    /// [`Browser`] maps it to the instance.
    #[must_use]
    pub fn with_sign_in(self, server: &IdentityServer) -> Self {
        self.with(|settings| server.configure(settings))
    }
}
