//! Mails to the people who decide about approvals.

use atelier_entities::{NodeState, RunStatus, WaitKind, workflow_waits};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use super::*;
use crate::runs::{Decision, RunError};

fn asks() -> Flow {
    Flow::new()
        .add("ask", "approval", json!({"message": "Really?"}))
        .work("yes no")
        .edges("start>ask ask.approved>yes ask.rejected>no")
}

/// The tokens of the links that were mailed.
fn mailed_tokens(fixture: &Fixture) -> Vec<String> {
    let path = "/api/v1/automation/approvals/";
    let mails = fixture.fixture.mailer.mails();
    let after = mails.iter().filter_map(|mail| Some(mail.text.split_once(path)?.1.to_owned()));
    after.map(|text| text.split_whitespace().next().unwrap_or_default().to_owned()).collect()
}

fn decision(approved: bool) -> Decision {
    Decision { approved, comment: None }
}

#[tokio::test]
async fn the_owner_is_mailed_a_link_that_decides_once() {
    let fixture = Fixture::new().await;
    fixture.fixture.verify_address(fixture.user).await;
    fixture.script("ask", [waiting(WaitKind::Approval, None, None)]);
    let run = fixture.run(fixture.publish(&asks()).await).await;

    let tokens = mailed_tokens(&fixture);
    assert_eq!(tokens.len(), 1);
    let mails = fixture.fixture.mailer.mails();
    let mail = mails.iter().find(|mail| mail.text.contains("Really?")).expect("a mail");
    assert!(mail.subject.contains("Flow"), "{mail:?}");
    let waits = workflow_waits::Entity::find().filter(workflow_waits::Column::RunId.eq(run));
    let wait = waits.one(fixture.fixture.queue().db()).await.expect("asked").expect("there");
    assert!(wait.token_hash.is_some_and(|hash| hash != tokens[0]));
    for job in fixture.fixture.jobs_of_kind("email.deliver").await {
        assert!(!job.args.to_string().contains(&tokens[0]));
    }

    let runs = fixture.runs();
    let nobody = Actor::anonymous();
    runs.decide_by_token(&nobody, &tokens[0], decision(true)).await.expect("decided");
    let again = runs.decide_by_token(&nobody, &tokens[0], decision(false)).await;
    fixture.fixture.work().await;

    assert!(matches!(again, Err(RunError::WaitOver)), "{again:?}");
    assert_eq!(fixture.states(run, "yes no").await, [Some(NodeState::Succeeded), Some(NodeState::Skipped)]);
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
}

#[tokio::test]
async fn nobody_is_mailed_at_an_address_that_is_not_verified() {
    let fixture = Fixture::new().await;
    fixture.script("ask", [waiting(WaitKind::Approval, None, None)]);

    let run = fixture.run(fixture.publish(&asks()).await).await;

    assert!(mailed_tokens(&fixture).is_empty());
    fixture.runs().decide(&fixture.actor(), run, ("", "ask"), decision(true)).await.expect("decided");
    fixture.fixture.work().await;
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_person_gets_at_most_a_hundred_questions_a_day() {
    let fixture = Fixture::new().await;
    fixture.fixture.verify_address(fixture.user).await;
    let body = Flow::body().add("ask", "approval", json!({"message": "Really?"}));
    let flow = Flow::new().each("each", json!({"concurrency": 50}), body).edges("start>each");
    let workflow = fixture.publish(&flow).await;
    for _ in 0..3 {
        let list: Vec<Value> = (0..50).map(Value::from).collect();
        fixture.script("each", [items(&list)]);
        fixture.script("ask", (0..50).map(|_| waiting(WaitKind::Approval, None, None)));
        fixture.run(workflow).await;
    }

    let open = workflow_waits::Entity::find().filter(workflow_waits::Column::Closed.eq(false));
    assert_eq!(open.count(fixture.fixture.queue().db()).await.expect("counted"), 150);
    assert_eq!(mailed_tokens(&fixture).len(), 100);
}
