//! Mails by an account at a server on this machine.

use std::{collections::BTreeMap, sync::Arc};

use atelier_entities::{RunId, UserId};
use atelier_foundation::testing::{Fixture, acting, options};
use atelier_providers::{
    http::{GuardedClient, HttpOptions},
    llm::fake::ScriptedModel,
};
use serde_json::Value;

use super::*;
use crate::{
    integrations::{Credentials, Integrations, NewIntegration},
    nodes::{Services, definition::Act, send_mail::SendMail},
    testing::MailServer,
};

const PASSWORD: &str = "correct-horse-battery-staple";

struct Account {
    fixture: Fixture,
    server: MailServer,
    owner: UserId,
}

impl Account {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let owner = fixture.register("ada@example.org").await.id;
        Self { fixture, server: MailServer::start("ada", PASSWORD).await, owner }
    }

    /// An integration with this password, for the server at this host.
    async fn integrate(&self, host: &str, password: &str) -> IntegrationId {
        let settings = [
            ("host", host.to_owned()),
            ("port", self.server.port.to_string()),
            ("security", "none".to_owned()),
            ("from", "Shop <shop@example.org>".to_owned()),
            ("username", "ada".to_owned()),
        ];
        let input = NewIntegration {
            kind: "smtp".to_owned(),
            name: "Mail".to_owned(),
            settings: settings.into_iter().map(|(name, value)| (name.to_owned(), Some(value))).collect(),
            secrets: BTreeMap::from([("password".to_owned(), Some(password.to_owned().into()))]),
            ..NewIntegration::default()
        };
        let integrations = Integrations::new(self.fixture.queue().clone(), options().key_ring);
        integrations.create(&acting(self.owner), input).await.expect("created").row.id
    }

    /// Sends a mail. `is_open` opens private addresses.
    async fn send(&self, id: IntegrationId, to: &[&str], is_open: bool) -> Result<Value, NodeFailure> {
        let http = HttpOptions { allow_private_addresses: is_open, ..HttpOptions::default() };
        let http = GuardedClient::new(http).expect("a client");
        let queue = self.fixture.queue().clone();
        let services = Services {
            queue: queue.clone(),
            http: http.clone(),
            model: Arc::new(ScriptedModel::new([])),
            credentials: Credentials::new(queue, options().key_ring, http),
        };
        let call = Call {
            services: &services,
            run_id: RunId::new(),
            owner: self.owner,
            idempotency_key: "run:/mail/0.0".to_owned(),
            redactor: &Redactor::new([]).expect("a redactor"),
        };
        let config = SendMail {
            to: to.iter().map(|&to| to.to_owned()).collect(),
            integration: Some(id),
            subject: "3 orders".to_owned(),
            text: "The largest is 7.".to_owned(),
        };
        match config.act(&call).await {
            Ok(NodeOutput::Value(value)) => Ok(value),
            Err(AttemptError::Failed(failure)) => Err(failure),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_account_writes_to_anybody_in_its_own_name() {
    let account = Account::new().await;
    let id = account.integrate("127.0.0.1", PASSWORD).await;
    let to = ["bob@example.com", "eve@example.com"];

    let sent = account.send(id, &to, true).await.expect("sent");
    account.send(id, &to, true).await.expect("sent again");

    assert_eq!(sent["to"], json!(to));
    let mails = account.server.mails();
    for part in ["RCPT TO:<bob@example.com>", "RCPT TO:<eve@example.com>", "From: Shop <shop@example.org>"] {
        assert!(mails[0].contains(part), "{}", mails[0]);
    }
    let id_of = |mail: &str| mail.lines().find(|line| line.starts_with("Message-ID")).map(str::to_owned);
    assert_eq!((mails.len(), id_of(&mails[0])), (2, id_of(&mails[1])), "receivers can drop the second one");
}

#[tokio::test]
async fn a_mail_server_at_a_private_address_is_refused() {
    let account = Account::new().await;
    for host in ["127.0.0.1", "localhost"] {
        let id = account.integrate(host, PASSWORD).await;
        let failure = account.send(id, &["bob@example.com"], false).await.expect_err("refused");
        assert_eq!((failure.code.as_str(), failure.retryable), ("ADDRESS_FORBIDDEN", Some(false)), "{host}");
    }
    assert!(account.server.mails().is_empty());
}

#[tokio::test]
async fn an_account_that_does_not_fit_sends_nothing() {
    let account = Account::new().await;
    let right = account.integrate("127.0.0.1", PASSWORD).await;
    let wrong = account.integrate("127.0.0.1", "wrong-password-0123").await;
    for (id, to, code) in [
        (right, vec![], "CONFIG_INVALID"),
        (right, vec!["not an address"], "CONFIG_INVALID"),
        (wrong, vec!["bob@example.com"], "MAIL_UNAVAILABLE"),
        (IntegrationId::new(), vec!["bob@example.com"], "CREDENTIAL_MISSING"),
    ] {
        let failure = account.send(id, &to, true).await.expect_err(code);
        assert_eq!(failure.code, code, "{}", failure.message);
        assert!(!failure.message.contains("wrong-password"), "{}", failure.message);
    }
    assert!(account.server.mails().is_empty());
}
