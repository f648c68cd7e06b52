//! Signing in at Google, GitHub and Apple, by a real server that speaks as they do.

mod accounts;
mod answers;
mod failures;

use atelier_tests::{AppSetup, Arrival, Browser, Client, IdentityServer};
use serde_json::{Value, json};

pub(super) use accounts::a_proven_address_links_and_an_unproven_one_does_not;

const PROVIDERS: [&str; 3] = ["google", "github", "apple"];

/// Ada as each provider knows her.
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

/// The same with other values.
fn with(mut person: Value, changes: Value) -> Value {
    let fields = person.as_object_mut().expect("an object");
    fields.extend(changes.as_object().expect("an object").clone());
    person
}

/// The account of somebody who arrived.
async fn account(client: &Client, arrival: &Arrival) -> Value {
    let token = arrival.get("access_token").unwrap_or_else(|| panic!("nobody arrived: {arrival:?}"));
    let me = client.signed_in(token).get("/api/auth/me").send().await.expect(200).json();
    me["user"].clone()
}

#[track_caller]
fn assert_refused(arrival: &Arrival, provider: &str, code: &str) {
    let told: Vec<_> = arrival.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(told, [("error", code), ("provider", provider)]);
}

/// State and address of a sign-in that the client ends itself.
async fn begin(client: &Client, provider: &str) -> (String, String) {
    let call = client.get(&format!("/api/auth/{provider}/login")).header("accept", "application/json");
    let begun = call.send().await.expect(200).json();
    let text = |name: &str| begun[name].as_str().expect("a text").to_owned();
    (text("state"), text("authorization_url"))
}

pub(super) async fn a_person_signs_in_at_each_provider_and_is_known_again(setup: AppSetup) {
    let server = IdentityServer::start().await;
    let app = setup.with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        let mut browser = Browser::new(&client);
        let arrival = browser.sign_in(provider, &ada(provider)).await;
        let user = account(&client, &arrival).await;

        assert_eq!(user["email"], format!("ada.{provider}@example.org"));
        assert_eq!((&user["provider"], &user["is_verified"]), (&provider.into(), &true.into()));
        assert_eq!((&user["credits"], browser.count_cookies()), (&10.into(), 0), "{provider}");
        assert_eq!((&*arrival["provider"], &*arrival["token_type"]), (provider, "bearer"));
        let name = if provider == "apple" { "ada.apple" } else { "Ada King" };
        assert_eq!(user["full_name"], name);
        if provider == "google" {
            assert_eq!((&user["locale"], &user["country"]), (&"fr".into(), &"CA".into()));
            assert_eq!(user["avatar_url"], "https://img.example/ada.png");
        }

        let moved = with(ada(provider), json!({"email": "moved@example.org", "name": "Somebody else"}));
        let again = account(&client, &Browser::new(&client).sign_in(provider, &moved).await).await;
        assert_eq!((&again["id"], &again["email"]), (&user["id"], &user["email"]));
        let _next_pair = client.refresh(&arrival["refresh_token"]).await.expect(200);
    }
    app.finish().await;
}

pub(super) async fn a_client_ends_its_sign_in_itself(setup: AppSetup) {
    let server = IdentityServer::start().await;
    let app = setup.with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        let (state, address) = begin(&client, provider).await;
        let mut browser = Browser::new(&client);
        let login = format!("person={}", urlencoded(&ada(provider).to_string()));
        let back = browser.authorize_at(&address, &login).await;
        let told = browser.come_back(&back).await;
        assert_eq!((&told["state"], &*told["provider"]), (&state, provider));

        let body = json!({"code": told["code"], "state": state, "iss": told["iss"]});
        let path = format!("/api/auth/oauth/{provider}");
        let elsewhere =
            PROVIDERS[(PROVIDERS.iter().position(|name| *name == provider).expect("one") + 1) % 3];
        let signed_in = client.post(&path).json(&body).send().await.expect(200).json();
        assert_eq!((&signed_in["token_type"], &signed_in["expires_in"]), (&"bearer".into(), &1800.into()));
        assert_eq!(signed_in["user"]["email"], format!("ada.{provider}@example.org"));
        let _used = client.post(&path).json(&body).send().await.refused(400, "OAUTH_STATE_INVALID");

        let (state, _) = begin(&client, provider).await;
        let body = json!({"code": told["code"], "state": state, "iss": told["iss"]});
        let other = client.post(&format!("/api/auth/oauth/{elsewhere}")).json(&body);
        let _mixed_up = other.send().await.refused(400, "OAUTH_STATE_INVALID");
        let (state, _) = begin(&client, provider).await;
        let body = json!({"code": told["code"], "state": state, "iss": told["iss"]});
        let _replayed = client.post(&path).json(&body).send().await.refused(400, "OAUTH_CODE_REFUSED");
    }
    app.finish().await;
}

fn urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apple_tells_a_name_beside_the_code_the_first_time() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    let mut browser = Browser::new(&client);
    let back = browser.authorize("apple", &ada("apple")).await;
    assert!(!back.form.is_empty() && back.url.query().is_none(), "it is a form");

    let named = back.with("user", Some(r#"{"name":{"firstName":"Ada","lastName":"Lovelace"}}"#));
    let user = account(&client, &browser.come_back(&named).await).await;

    assert_eq!(user["full_name"], "Ada Lovelace");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_do_not_disturb_each_other() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    let mut browser = Browser::new(&client);
    let one = browser.authorize("google", &ada("google")).await;
    let other = browser.authorize("github", &ada("github")).await;

    let first = account(&client, &browser.come_back(&one).await).await;
    let second = account(&client, &browser.come_back(&other).await).await;

    assert_eq!((&first["provider"], &second["provider"]), (&"google".into(), &"github".into()));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_tells_where_people_may_sign_in() {
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
