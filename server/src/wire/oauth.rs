//! The identity providers of the settings.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context;
use atelier_config::{AppleSettings, GithubSettings, GoogleSettings, Settings};
use atelier_entities::SignInProvider;
use atelier_foundation::identity::OAuthSetup;
use atelier_providers::{
    circuits::Circuits,
    oauth::{
        AppleKey, IdentityProvider, Transport, TransportOptions,
        github::{GithubOptions, GithubProvider},
        oidc::{Credential, OidcOptions, OidcProvider},
    },
    resilience::{BreakerPolicy, system_clock},
};

use super::providers;

/// The configured identity providers. With Redis all processes share their circuit breakers.
pub(super) fn setup(settings: &Settings, public_url: &str) -> anyhow::Result<OAuthSetup> {
    let oauth = &settings.oauth;
    let wiring = Wiring { settings, circuits: providers::circuits(settings, BreakerPolicy::default())? };
    let mut providers: HashMap<SignInProvider, Arc<dyn IdentityProvider>> = HashMap::new();
    if !oauth.google.client_id.is_empty() {
        let google = wiring.google(&oauth.google).context("oauth.google")?;
        providers.insert(SignInProvider::Google, Arc::new(google));
    }
    if !oauth.github.client_id.is_empty() {
        let github = wiring.github(&oauth.github).context("oauth.github")?;
        providers.insert(SignInProvider::Github, Arc::new(github));
    }
    if !oauth.apple.client_id.is_empty() {
        let apple = wiring.apple(&oauth.apple).context("oauth.apple")?;
        providers.insert(SignInProvider::Apple, Arc::new(apple));
    }
    let frontend_url = settings.frontend_url(public_url);
    Ok(OAuthSetup { providers, public_url: public_url.to_owned(), frontend_url })
}

/// The settings and circuit breakers for building a provider.
struct Wiring<'a> {
    settings: &'a Settings,
    circuits: Arc<dyn Circuits>,
}

impl Wiring<'_> {
    fn google(&self, google: &GoogleSettings) -> anyhow::Result<OidcProvider> {
        let options = OidcOptions {
            issuer: google.issuer.clone(),
            client_id: google.client_id.clone(),
            credential: Credential::Secret(google.client_secret.clone()),
            scopes: &["email", "profile"],
            form_post: false,
        };
        let transport = self.transport(SignInProvider::Google, &[&google.issuer])?;
        Ok(OidcProvider::new(options, transport, system_clock())?)
    }

    fn apple(&self, apple: &AppleSettings) -> anyhow::Result<OidcProvider> {
        let key = AppleKey::new(&apple.team_id, &apple.key_id, &apple.private_key)?;
        let options = OidcOptions {
            issuer: apple.issuer.clone(),
            client_id: apple.client_id.clone(),
            credential: Credential::Signed(key),
            scopes: &["email", "name"],
            form_post: true,
        };
        let transport = self.transport(SignInProvider::Apple, &[&apple.issuer])?;
        Ok(OidcProvider::new(options, transport, system_clock())?)
    }

    fn github(&self, github: &GithubSettings) -> anyhow::Result<GithubProvider> {
        let options = GithubOptions {
            client_id: github.client_id.clone(),
            client_secret: github.client_secret.clone(),
            authorize_url: github.authorize_url.clone(),
            token_url: github.token_url.clone(),
            api_url: github.api_url.clone(),
        };
        let transport = self.transport(SignInProvider::Github, &[&github.token_url, &github.api_url])?;
        Ok(GithubProvider::new(options, transport)?)
    }

    fn transport(&self, provider: SignInProvider, addresses: &[&String]) -> anyhow::Result<Transport> {
        let Self { settings, circuits } = self;
        let options = TransportOptions {
            circuit: format!("sign_in:{}", provider.as_str()),
            connect_timeout: settings.http_client.connect_timeout(),
            timeout: settings.oauth.timeout(),
            allow_private_addresses: settings.http_client.allow_private_addresses,
            allowed_networks: settings.http_client.allowed_networks(),
            addresses: addresses.iter().map(|address| (*address).clone()).collect(),
        };
        Ok(Transport::new(options, circuits.clone(), system_clock())?)
    }
}
