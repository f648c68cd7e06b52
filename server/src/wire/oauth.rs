//! Where else people may sign in, as the settings say.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context;
use atelier_config::{AppleSettings, GithubSettings, GoogleSettings, Settings};
use atelier_entities::SignInProvider;
use atelier_providers::{
    oauth::{
        AppleKey, IdentityProvider, Transport, TransportOptions,
        github::{GithubOptions, GithubProvider},
        oidc::{Credential, OidcOptions, OidcProvider},
    },
    resilience::system_clock,
};
use atelier_services::identity::OAuthSetup;

pub(super) fn setup(settings: &Settings, public_url: &str) -> anyhow::Result<OAuthSetup> {
    let oauth = &settings.oauth;
    let mut providers: HashMap<SignInProvider, Arc<dyn IdentityProvider>> = HashMap::new();
    if !oauth.google.client_id.is_empty() {
        let google = google(settings, &oauth.google).context("oauth.google")?;
        providers.insert(SignInProvider::Google, Arc::new(google));
    }
    if !oauth.github.client_id.is_empty() {
        let github = github(settings, &oauth.github).context("oauth.github")?;
        providers.insert(SignInProvider::Github, Arc::new(github));
    }
    if !oauth.apple.client_id.is_empty() {
        let apple = apple(settings, &oauth.apple).context("oauth.apple")?;
        providers.insert(SignInProvider::Apple, Arc::new(apple));
    }
    let frontend_url = settings.frontend_url(public_url);
    Ok(OAuthSetup { providers, public_url: public_url.to_owned(), frontend_url })
}

fn google(settings: &Settings, google: &GoogleSettings) -> anyhow::Result<OidcProvider> {
    let options = OidcOptions {
        issuer: google.issuer.clone(),
        client_id: google.client_id.clone(),
        credential: Credential::Secret(google.client_secret.clone()),
        scopes: &["email", "profile"],
        form_post: false,
    };
    let transport = transport(settings, &[&google.issuer])?;
    Ok(OidcProvider::new(options, transport, system_clock())?)
}

fn apple(settings: &Settings, apple: &AppleSettings) -> anyhow::Result<OidcProvider> {
    let options = OidcOptions {
        issuer: apple.issuer.clone(),
        client_id: apple.client_id.clone(),
        credential: Credential::Signed(AppleKey::new(&apple.team_id, &apple.key_id, &apple.private_key)?),
        scopes: &["email", "name"],
        form_post: true,
    };
    let transport = transport(settings, &[&apple.issuer])?;
    Ok(OidcProvider::new(options, transport, system_clock())?)
}

fn github(settings: &Settings, github: &GithubSettings) -> anyhow::Result<GithubProvider> {
    let options = GithubOptions {
        client_id: github.client_id.clone(),
        client_secret: github.client_secret.clone(),
        authorize_url: github.authorize_url.clone(),
        token_url: github.token_url.clone(),
        api_url: github.api_url.clone(),
    };
    let transport = transport(settings, &[&github.token_url, &github.api_url])?;
    Ok(GithubProvider::new(options, transport)?)
}

fn transport(settings: &Settings, addresses: &[&String]) -> anyhow::Result<Transport> {
    let options = TransportOptions {
        connect_timeout: settings.http_client.connect_timeout(),
        timeout: settings.oauth.timeout(),
        allow_private_addresses: settings.http_client.allow_private_addresses,
        addresses: addresses.iter().map(|address| (*address).clone()).collect(),
    };
    Ok(Transport::new(options, system_clock())?)
}
