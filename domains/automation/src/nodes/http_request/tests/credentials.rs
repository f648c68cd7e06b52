//! Requests with the credentials of integrations.

use std::collections::BTreeMap;

use atelier_entities::IntegrationId;
use atelier_foundation::testing::acting;

use super::*;
use crate::integrations::{Integrations, NewIntegration};

const SECRET: &str = "sk-live-0123456789";

impl Net {
    async fn integrate(&self, kind: &str, settings: &[(&str, &str)], secret: &str) -> IntegrationId {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
        let input = NewIntegration {
            kind: kind.to_owned(),
            name: "Shop".to_owned(),
            settings: settings.collect(),
            secrets: BTreeMap::from([(secret.to_owned(), Some(SECRET.into()))]),
            allowed_hosts: Some(vec![self.base.clone()]),
        };
        let integrations = Integrations::new(self.fixture.queue().clone(), options().key_ring);
        integrations.create(&acting(self.owner), input).await.unwrap().row.id
    }
}

#[tokio::test]
async fn each_type_adds_its_credentials_and_no_output_shows_them() {
    let net = Net::new().await;
    let bearer = net.integrate("http_bearer", &[], "token").await;
    let sent = net.sent(json!({"url": "/echo", "integration": bearer})).await;
    assert_eq!(sent["headers"]["authorization"], "Bearer [secret]");

    let basic = net.integrate("http_basic", &[("username", "ada")], "password").await;
    let sent = net.sent(json!({"url": "/echo", "integration": basic})).await;
    assert_eq!(sent["headers"]["authorization"], "Basic [secret]");

    let header = net.integrate("http_api_key", &[("in", "header"), ("name", "X-Api-Key")], "api_key").await;
    let sent = net.sent(json!({"url": "/echo", "integration": header})).await;
    assert_eq!(sent["headers"]["x-api-key"], "[secret]");

    let query = net.integrate("http_api_key", &[("in", "query"), ("name", "key")], "api_key").await;
    let sent = net.sent(json!({"url": "/echo?a=1", "integration": query})).await;
    assert_eq!(sent["query"], "a=1&key=[secret]");
}

#[tokio::test]
async fn the_credentials_reach_the_server() {
    let net = Net::new().await;
    let bearer = net.integrate("http_bearer", &[], "token").await;
    let check = format!("Bearer {SECRET}");
    let answer =
        net.act(json!({"url": "/check", "query": {"expects": check.len()}, "integration": bearer})).await;
    assert_eq!(answer.unwrap()["body"], json!(true));
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_origin() {
    let (net, other) = (Net::new().await, Net::new().await);
    let bearer = net.integrate("http_bearer", &[], "token").await;
    let query = json!({"to": format!("{}/echo", other.base)});
    let sent = net.sent(json!({"url": "/to", "query": query, "integration": bearer})).await;
    assert_eq!(sent["headers"].get("authorization"), None);

    let query = json!({"to": format!("{}/echo", net.base)});
    let sent = net.sent(json!({"url": "/to", "query": query, "integration": bearer})).await;
    assert_eq!(sent["headers"]["authorization"], "Bearer [secret]");
}

#[tokio::test]
async fn what_may_not_carry_credentials_is_refused() {
    let net = Net::new().await;
    let bearer = net.integrate("http_bearer", &[], "token").await;
    let query = net.integrate("http_api_key", &[("in", "query"), ("name", "key")], "api_key").await;
    for (config, code) in [
        (json!({"url": "https://evil.example/", "integration": bearer}), "CREDENTIAL_HOST_REFUSED"),
        (json!({"url": "/echo", "integration": IntegrationId::new()}), "CREDENTIAL_MISSING"),
        (
            json!({"url": "/echo", "integration": bearer, "headers": {"Authorization": "mine"}}),
            "CONFIG_INVALID",
        ),
        (json!({"url": "/echo?key=mine", "integration": query}), "CONFIG_INVALID"),
    ] {
        let failure = net.act(config).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), (code, Some(false)));
        assert!(!failure.message.contains(SECRET));
    }
}

#[tokio::test]
async fn an_integration_that_cannot_sign_requests_is_refused() {
    let net = Net::new().await;
    let hook = NewIntegration {
        kind: "slack_webhook".to_owned(),
        name: "Team".to_owned(),
        secrets: BTreeMap::from([("webhook_url".to_owned(), Some(format!("{}/hook", net.base).into()))]),
        allowed_hosts: Some(vec![net.base.clone()]),
        ..NewIntegration::default()
    };
    let integrations = Integrations::new(net.fixture.queue().clone(), options().key_ring);
    let hook = integrations.create(&acting(net.owner), hook).await.unwrap().row.id;

    let failure = net.act(json!({"url": "/echo", "integration": hook})).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("CREDENTIAL_WRONG_TYPE", Some(false)));
}
