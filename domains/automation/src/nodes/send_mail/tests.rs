//! Mails to the owner of a workflow.

use std::sync::Arc;

use atelier_entities::RunId;
use atelier_foundation::{key_ring::KeyRing, testing::Fixture};
use atelier_providers::{
    http::{GuardedClient, HttpOptions},
    llm::fake::ScriptedModel,
};
use serde_json::Value;

use super::*;
use crate::{expression::Redactor, integrations::Credentials, nodes::Services};

struct Post {
    fixture: Fixture,
    owner: users::Model,
}

impl Post {
    /// A person with a verified address.
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let owner = fixture.register("ada@example.org").await;
        fixture.verify_address(owner.id).await;
        Self { fixture, owner }
    }

    async fn send(&self, cause: &str, config: SendMail) -> Result<Value, NodeFailure> {
        let http = GuardedClient::new(HttpOptions::default()).unwrap();
        let services = Services {
            queue: self.fixture.queue().clone(),
            http: http.clone(),
            model: Arc::new(ScriptedModel::new([])),
            credentials: Credentials::new(self.fixture.queue().clone(), KeyRing::default(), http),
        };
        let call = Call {
            services: &services,
            run_id: RunId::new(),
            owner: self.owner.id,
            idempotency_key: cause.to_owned(),
            redactor: &Redactor::new([]).unwrap(),
        };
        match config.act(&call).await {
            Ok(NodeOutput::Value(value)) => Ok(value),
            Err(AttemptError::Failed(failure)) => Err(failure),
            other => panic!("{other:?}"),
        }
    }

    async fn queued(&self) -> u64 {
        let sent =
            mail_messages::Entity::find().filter(mail_messages::Column::Template.eq("workflow_message"));
        sent.count(self.fixture.queue().db()).await.unwrap()
    }
}

fn mail(to: &[&str], subject: &str, text: &str) -> SendMail {
    let to = to.iter().map(|&to| to.to_owned()).collect();
    SendMail { to, integration: None, subject: subject.to_owned(), text: text.to_owned() }
}

#[tokio::test]
async fn a_mail_of_the_same_node_is_queued_once() {
    let post = Post::new().await;
    let first = post.send("run:/a/0.0", mail(&[], "Héllo", "One\ntwo")).await.unwrap();
    assert_eq!((&first["queued"], &first["to"]), (&json!(true), &json!(["ada@example.org"])));
    let again = post.send("run:/a/0.0", mail(&[" ADA@example.org"], "Héllo", "One\ntwo")).await.unwrap();
    assert_eq!(again["queued"], false);
    assert_eq!(post.send("run:/b/0.0", mail(&[], "Héllo", "")).await.unwrap()["queued"], true);
    assert_eq!(post.queued().await, 2);
}

#[tokio::test]
async fn other_addresses_are_refused() {
    let post = Post::new().await;
    post.fixture.register("grace@example.org").await;
    for (to, place) in
        [(vec!["ada@example.org", "grace@example.org"], "/to/1: "), (vec!["x@example.net"], "/to/0: ")]
    {
        let failure = post.send("run:/a/0.0", mail(&to, "Hi", "a")).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), ("RECIPIENT_REFUSED", Some(false)));
        assert!(failure.message.starts_with(place), "{}", failure.message);
    }
    assert_eq!(post.queued().await, 0);
}

#[tokio::test]
async fn an_address_has_to_be_verified() {
    let fixture = Fixture::new().await;
    let owner = fixture.register("ada@example.org").await;
    let post = Post { fixture, owner };
    let failure = post.send("run:/a/0.0", mail(&[], "Hi", "a")).await.unwrap_err();
    assert_eq!(failure.code, "ADDRESS_NOT_VERIFIED");
}

#[tokio::test]
async fn subject_and_text_are_bounded() {
    let post = Post::new().await;
    for (subject, text, place) in [
        ("", "a", "/subject: "),
        ("a\nBcc: b", "a", "/subject: "),
        (&*"x".repeat(201), "a", "/subject: "),
        ("a", "b\u{0}", "/text: "),
        ("a", &*"x".repeat(20_001), "/text: "),
    ] {
        let failure = post.send("run:/a/0.0", mail(&[], subject, text)).await.unwrap_err();
        assert_eq!(failure.code, "CONFIG_INVALID");
        assert!(failure.message.starts_with(place), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_person_gets_a_bounded_number_of_mails_a_day() {
    let post = Post::new().await;
    for number in 0..MAX_PER_DAY {
        post.send(&format!("run:/a/{number}.0"), mail(&[], "Hi", "a")).await.unwrap();
    }
    let failure = post.send("run:/b/0.0", mail(&[], "Hi", "a")).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("MAIL_LIMIT", Some(false)));
    let repeated = post.send("run:/a/0.0", mail(&[], "Hi", "a")).await.unwrap();
    assert_eq!(repeated["queued"], false, "a repeated attempt is no further mail");
    post.fixture.advance(24 * 60 * 60 + 1);
    assert_eq!(post.send("run:/b/0.0", mail(&[], "Hi", "a")).await.unwrap()["queued"], true);
}
