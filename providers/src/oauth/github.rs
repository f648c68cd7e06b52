//! GitHub: OAuth 2 without an ID token. The person is read from its API.

use async_trait::async_trait;
use http::{Request, header};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse, TokenUrl,
    basic::BasicClient, basic::BasicErrorResponse, url::Url,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Callback, ExternalPerson, Flow, IdentityProvider, OAuthError, Transport, error::token_refusal,
    transport::TransportError,
};

/// GitHub, or a compatible server.
#[derive(Debug)]
pub struct GithubOptions {
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretString,
    /// Authorization endpoint.
    pub authorize_url: String,
    /// Token endpoint.
    pub token_url: String,
    /// Base URL of the API.
    pub api_url: String,
}

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Sign-in at GitHub.
#[derive(Debug)]
pub struct GithubProvider {
    client: Client,
    authorize_url: Url,
    api_url: String,
    transport: Transport,
}

#[derive(Debug, Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Email {
    email: String,
    primary: bool,
    verified: bool,
}

impl GithubProvider {
    /// A provider; it makes no request before a sign-in. Fails if a URL is invalid.
    pub fn new(options: GithubOptions, transport: Transport) -> Result<Self, OAuthError> {
        let wrong = |_| OAuthError::Misconfigured("an address is no URL".to_owned());
        let authorize_url = Url::parse(&options.authorize_url).map_err(wrong)?;
        let client = BasicClient::new(ClientId::new(options.client_id))
            .set_client_secret(ClientSecret::new(options.client_secret.expose_secret().to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(authorize_url.clone()))
            .set_token_uri(TokenUrl::new(options.token_url).map_err(wrong)?);
        let api_url = options.api_url.trim_end_matches('/').to_owned();
        Ok(Self { client, authorize_url, api_url, transport })
    }

    fn client_of(&self, flow: &Flow) -> Result<Client, OAuthError> {
        let wrong = |_| OAuthError::Misconfigured("the callback's address is no URL".to_owned());
        let redirect = RedirectUrl::new(flow.redirect_uri.clone()).map_err(wrong)?;
        Ok(self.client.clone().set_redirect_uri(redirect))
    }

    async fn redeem(&self, flow: &Flow, callback: &Callback) -> Result<ExternalPerson, OAuthError> {
        check_issuer(&self.authorize_url, callback.issuer.as_deref())?;
        let client = self.client_of(flow)?;
        let answer = client
            .exchange_code(AuthorizationCode::new(callback.code.clone()))
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()))
            .request_async(&self.transport)
            .await
            .map_err(refusal)?;
        let token = answer.access_token().secret();
        let user: User = self.ask("/user", token).await?;
        let emails: Vec<Email> = self.ask("/user/emails", token).await?;
        Ok(person(user, emails))
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, token: &str) -> Result<T, OAuthError> {
        let request = Request::get(format!("{}{path}", self.api_url))
            .header(header::ACCEPT, "application/vnd.github+json")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header("x-github-api-version", "2022-11-28")
            .body(Vec::new())
            .map_err(|_| OAuthError::Untrusted("its token is none".to_owned()))?;
        let response = self.transport.exchange(request).await?;
        if response.status() != http::StatusCode::OK {
            return Err(OAuthError::Untrusted(format!("{path} is answered {}", response.status().as_u16())));
        }
        serde_json::from_slice(response.body())
            .map_err(|_| OAuthError::Untrusted(format!("{path} cannot be read")))
    }
}

#[async_trait]
impl IdentityProvider for GithubProvider {
    async fn authorization_url(&self, flow: &Flow) -> Result<String, OAuthError> {
        let client = self.client_of(flow)?;
        let state = CsrfToken::new(flow.state.clone());
        let verifier = PkceCodeVerifier::new(flow.verifier.clone());
        let request = client
            .authorize_url(|| state)
            .add_scope(Scope::new("read:user".to_owned()))
            .add_scope(Scope::new("user:email".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        Ok(request.url().0.into())
    }

    async fn identify(&self, flow: &Flow, callback: &Callback) -> Result<ExternalPerson, OAuthError> {
        self.transport.within(self.redeem(flow, callback)).await
    }

    fn uses_form_post(&self) -> bool {
        false
    }
}

/// Checks the issuer of a callback, if it has one. GitHub has no issuer of its own: the
/// origin of its authorization endpoint is compared.
fn check_issuer(authorize_url: &Url, issuer: Option<&str>) -> Result<(), OAuthError> {
    let is_ours =
        |issuer: &str| Url::parse(issuer).is_ok_and(|issuer| issuer.origin() == authorize_url.origin());
    if issuer.is_none_or(is_ours) {
        Ok(())
    } else {
        Err(OAuthError::Untrusted("it is another issuer's".to_owned()))
    }
}

fn refusal(error: RequestTokenError<TransportError, BasicErrorResponse>) -> OAuthError {
    match error {
        RequestTokenError::ServerResponse(answer) => token_refusal(answer.error().as_ref()),
        RequestTokenError::Request(error) => error.into(),
        // GitHub sends errors with status 200.
        RequestTokenError::Parse(_, body) => match serde_json::from_slice::<BasicErrorResponse>(&body) {
            Ok(answer) => token_refusal(answer.error().as_ref()),
            Err(_) => OAuthError::Untrusted("its token cannot be read".to_owned()),
        },
        RequestTokenError::Other(_) => OAuthError::Untrusted("it is no answer to a code".to_owned()),
    }
}

/// The person with their primary address, verified or not.
fn person(user: User, emails: Vec<Email>) -> ExternalPerson {
    let primary = emails.into_iter().find(|email| email.primary);
    ExternalPerson {
        subject: user.id.to_string(),
        email_verified: primary.as_ref().is_some_and(|email| email.verified),
        email: primary.map(|email| email.email),
        name: user.name.filter(|name| !name.trim().is_empty()).or(Some(user.login)),
        picture: user.avatar_url,
        locale: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: Option<&str>) -> User {
        User { id: 7, login: "ada".to_owned(), name: name.map(str::to_owned), avatar_url: None }
    }

    fn email(email: &str, primary: bool, verified: bool) -> Email {
        Email { email: email.to_owned(), primary, verified }
    }

    #[test]
    fn uses_only_the_primary_address() {
        for (emails, address, verified) in [
            (
                vec![email("a@b.example", false, true), email("c@d.example", true, true)],
                Some("c@d.example"),
                true,
            ),
            (
                vec![email("a@b.example", false, true), email("c@d.example", true, false)],
                Some("c@d.example"),
                false,
            ),
            (vec![email("a@b.example", false, true)], None, false),
            (vec![], None, false),
        ] {
            let person = person(user(None), emails);
            assert_eq!((person.email.as_deref(), person.email_verified), (address, verified));
        }
    }

    #[test]
    fn people_without_a_name_are_called_by_their_login() {
        for (name, called) in [(Some("Ada Lovelace"), "Ada Lovelace"), (Some(" "), "ada"), (None, "ada")] {
            assert_eq!(person(user(name), Vec::new()).name.as_deref(), Some(called));
        }
    }

    #[test]
    fn an_answer_of_another_origin_is_not_believed() {
        let authorize = Url::parse("https://github.com/login/oauth/authorize").expect("a URL");
        for (issuer, good) in [
            (None, true),
            (Some("https://github.com/login/oauth"), true),
            (Some("https://accounts.google.com"), false),
            (Some("http://github.com"), false),
            (Some("github"), false),
        ] {
            assert_eq!(check_issuer(&authorize, issuer).is_ok(), good, "{issuer:?}");
        }
    }
}
