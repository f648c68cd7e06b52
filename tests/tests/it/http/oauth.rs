//! Sign-in with Google, GitHub and Apple, through a real server with their protocols.

mod accounts;
mod answers;
mod failures;

use atelier_tests::{AppSetup, Browser, Client, FragmentParams, IdentityServer};
use serde_json::{Value, json};

pub(super) use accounts::only_a_verified_address_links_an_account;

const PROVIDERS: [&str; 3] = ["google", "github", "apple"];

/// Ada's profile at a provider.
fn ada(provider: &str) -> Value {
    json!({
        "sub": 1815,
        "email": format!("Ada.{provider}@example.org"),
        "email_verified": if provider == "apple" { json!("true") } else { json!(true) },
        "name": "Ada King",
        "picture": "https://img.example/ada.png",
        "locale": "fr-CA",
    })
}

/// Changes fields of a profile.
fn with(mut person: Value, changes: Value) -> Value {
    let fields = person.as_object_mut().expect("an object");
    fields.extend(changes.as_object().expect("an object").clone());
    person
}

/// The account of a completed sign-in.
async fn account(client: &Client, params: &FragmentParams) -> Value {
    let token = params.get("access_token").unwrap_or_else(|| panic!("no access token: {params:?}"));
    let me = client.signed_in(token).get("/api/auth/me").send().await.expect(200).json();
    me["user"].clone()
}

#[track_caller]
fn assert_refused(params: &FragmentParams, provider: &str, code: &str) {
    let params: Vec<_> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(params, [("error", code), ("provider", provider)]);
}

/// Begins a sign-in that the client completes itself; returns its state and URL.
async fn begin(client: &Client, provider: &str) -> (String, String) {
    let call = client.get(&format!("/api/auth/{provider}/login")).header("accept", "application/json");
    let begun = call.send().await.expect(200).json();
    let text = |name: &str| begun[name].as_str().expect("a text").to_owned();
    (text("state"), text("authorization_url"))
}

pub(super) async fn a_person_signs_in_with_each_provider_and_is_recognized(setup: AppSetup) {
    let server = IdentityServer::start().await;
    let app = setup.with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        let mut browser = Browser::new(&client);
        let params = browser.sign_in(provider, &ada(provider)).await;
        let user = account(&client, &params).await;

        assert_eq!(user["email"], format!("ada.{provider}@example.org"));
        assert_eq!((&user["provider"], &user["is_verified"]), (&provider.into(), &true.into()));
        assert_eq!((&user["credits"], browser.count_cookies()), (&10.into(), 0), "{provider}");
        assert_eq!((&*params["provider"], &*params["token_type"]), (provider, "bearer"));
        let name = if provider == "apple" { "ada.apple" } else { "Ada King" };
        assert_eq!(user["full_name"], name);
        if provider == "google" {
            assert_eq!((&user["locale"], &user["country"]), (&"fr".into(), &"CA".into()));
            assert_eq!(user["avatar_url"], "https://img.example/ada.png");
        }

        let moved = with(ada(provider), json!({"email": "moved@example.org", "name": "Somebody else"}));
        let again = account(&client, &Browser::new(&client).sign_in(provider, &moved).await).await;
        assert_eq!((&again["id"], &again["email"]), (&user["id"], &user["email"]));
        let _next_pair = client.refresh(&params["refresh_token"]).await.expect(200);
    }
    app.finish().await;
}

pub(super) async fn a_client_completes_its_sign_in_itself(setup: AppSetup) {
    let server = IdentityServer::start().await;
    let app = setup.with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        let (state, address) = begin(&client, provider).await;
        let mut browser = Browser::new(&client);
        let login = format!("person={}", urlencoded(&ada(provider).to_string()));
        let back = browser.authorize_at(&address, &login).await;
        let params = browser.follow_redirect(&back).await;
        assert_eq!((&params["state"], &*params["provider"]), (&state, provider));

        let body = json!({"code": params["code"], "state": state, "iss": params["iss"]});
        let path = format!("/api/auth/oauth/{provider}");
        let elsewhere =
            PROVIDERS[(PROVIDERS.iter().position(|name| *name == provider).expect("one") + 1) % 3];
        let signed_in = client.post(&path).json(&body).send().await.expect(200).json();
        assert_eq!((&signed_in["token_type"], &signed_in["expires_in"]), (&"bearer".into(), &1800.into()));
        assert_eq!(signed_in["user"]["email"], format!("ada.{provider}@example.org"));
        let _used = client.post(&path).json(&body).send().await.refused(400, "OAUTH_STATE_INVALID");

        let (state, _) = begin(&client, provider).await;
        let body = json!({"code": params["code"], "state": state, "iss": params["iss"]});
        let other = client.post(&format!("/api/auth/oauth/{elsewhere}")).json(&body);
        let _mixed_up = other.send().await.refused(400, "OAUTH_STATE_INVALID");
        let (state, _) = begin(&client, provider).await;
        let body = json!({"code": params["code"], "state": state, "iss": params["iss"]});
        let _replayed = client.post(&path).json(&body).send().await.refused(400, "OAUTH_CODE_REFUSED");
    }
    app.finish().await;
}

fn urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apple_sends_the_name_with_the_first_code() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    let mut browser = Browser::new(&client);
    let back = browser.authorize("apple", &ada("apple")).await;
    assert!(!back.form.is_empty() && back.url.query().is_none(), "it is a form");

    let named = back.with("user", Some(r#"{"name":{"firstName":"Ada","lastName":"Lovelace"}}"#));
    let user = account(&client, &browser.follow_redirect(&named).await).await;

    assert_eq!(user["full_name"], "Ada Lovelace");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ins_in_two_tabs_do_not_interfere() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    let mut browser = Browser::new(&client);
    let one = browser.authorize("google", &ada("google")).await;
    let other = browser.authorize("github", &ada("github")).await;

    let first = account(&client, &browser.follow_redirect(&one).await).await;
    let second = account(&client, &browser.follow_redirect(&other).await).await;

    assert_eq!((&first["provider"], &second["provider"]), (&"google".into(), &"github".into()));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configured_providers_are_listed() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).with(|settings| {
        settings.oauth.google.client_id = String::new();
    });
    let app = app.start().await;
    let client = app.client();

    let listed = client.get("/api/auth/providers").send().await.expect(200).json();

    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["github", "apple"]);
    for path in ["/api/auth/google/login", "/api/auth/google/callback?code=c&state=s"] {
        let _absent = client.get(path).send().await.refused(404, "PROVIDER_NOT_CONFIGURED");
    }
    app.finish().await;
}
