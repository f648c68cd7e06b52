//! Concurrent requests.

use atelier_entities::{project_files, project_versions};
use atelier_tests::{AppSetup, Completion, FakeOpenAi, PASSWORD};
use futures::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;

pub(super) async fn concurrent_requests_do_not_spend_credits_twice(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let projects = join_all((0..8).map(|_| ada.create_project("Reading list"))).await;

    let replies = join_all(projects.iter().map(|project| ada.generate(project))).await;

    let (paid, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 202);
    assert_eq!((paid.len(), refused.len()), (5, 3));
    for reply in refused {
        let _poor = reply.refused(409, "INSUFFICIENT_CREDITS");
    }
    for reply in &paid {
        ada.job_once(&atelier_tests::job_id(reply), "succeeded").await;
    }
    assert_eq!((ada.balance().await, ada.ledger().await.len()), (0, 6));
    app.finish().await;
}

pub(super) async fn an_address_is_registered_once(setup: AppSetup) {
    let app = setup.start().await;
    let client = app.client();
    let addresses = ["ada@example.org", "ADA@example.org", " ada@Example.org", "ada@example.org"];

    let replies = join_all(addresses.map(|email| {
        let body = json!({"email": email, "password": PASSWORD, "full_name": "Ada"});
        client.post("/api/auth/register").json(&body).send()
    }))
    .await;

    let (created, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 201);
    assert_eq!((created.len(), refused.len()), (1, 3));
    for reply in refused {
        let _taken = reply.refused(409, "EMAIL_TAKEN");
    }
    assert_eq!(app.jobs_of("email.deliver").await.len(), 1, "one account, one welcome");
    app.finish().await;
}

pub(super) async fn a_project_that_is_deleted_while_it_is_generated_leaves_nothing(setup: AppSetup) {
    let model = FakeOpenAi::start([Completion::Stall(Vec::new())]).await;
    let app = setup.with_model(&model).start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let job = ada.start_generation(&project).await;
    ada.job_in_stage(&job, "writing").await;

    let path = format!("/api/projects/{project}");
    let _deleted = ada.client.call("DELETE", &path).send().await.expect(200);
    ada.job_once(&job, "cancelled").await;

    assert_eq!(ada.balance().await, 10);
    assert_eq!(ada.ledger().await.len(), 3, "taken and given back");
    let versions = project_versions::Entity::find().count(app.db()).await.expect("a database");
    let files = project_files::Entity::find().count(app.db()).await.expect("a database");
    assert_eq!((versions, files), (0, 0));
    app.finish().await;
}
