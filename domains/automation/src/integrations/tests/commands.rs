use super::*;

#[tokio::test]
async fn a_secret_is_in_no_view_and_in_no_row() {
    let fixture = Fixture::new().await;
    let created = fixture.create(fixture.new_bearer()).await;

    let info = &created.secrets["token"];
    assert_eq!(info.hint.as_deref(), Some("…4F2a"));
    assert!(!format!("{created:?}").contains(SECRET));
    assert!(fixture.test(created.row.id).await.ok);
    let changes = IntegrationChanges { name: Some("New".to_owned()), ..IntegrationChanges::default() };
    fixture.integrations().update(&fixture.ada, created.row.id, changes).await.expect("changed");
    let dump = fixture.dump().await;
    assert!(dump.contains("v1.test.") && dump.contains("integration.create"), "the dump has all tables");
    assert!(!dump.contains(SECRET) && !dump.contains("0123456789-secret"), "the secret is in a row");
}

#[tokio::test]
async fn a_test_tells_whether_the_service_takes_the_credentials() {
    let fixture = Fixture::new().await;
    let right = fixture.create(fixture.new_bearer()).await;
    let wrong = NewIntegration { secrets: secrets(&[("token", "another-secret")]), ..fixture.new_bearer() };
    let wrong = fixture.create(wrong).await;

    let report = fixture.test(right.row.id).await;
    assert_eq!((report.ok, report.status, report.reason), (true, Some(200), None));
    let report = fixture.test(wrong.row.id).await;
    assert_eq!((report.ok, report.status), (false, Some(401)));
    let reason = report.reason.expect("a reason");
    assert_eq!(reason, "The service answered 401: 401 Unauthorized for Bearer [secret]");

    let stored = fixture.get(wrong.row.id).await.row;
    assert_eq!(stored.last_test.expect("a test")["status"], 401);
    assert!(stored.last_used_at.is_some());
}

#[tokio::test]
async fn a_webhook_is_tested_without_a_message() {
    let fixture = Fixture::new().await;
    let hook = |path: &str| NewIntegration {
        kind: "slack_webhook".to_owned(),
        name: "Team".to_owned(),
        secrets: secrets(&[("webhook_url", &format!("{}{path}", fixture.base))]),
        allowed_hosts: Some(vec![fixture.base.clone()]),
        ..NewIntegration::default()
    };
    let (right, wrong) =
        (fixture.create(hook("/hook/T0/B0")).await, fixture.create(hook("/hook/T0/B1")).await);

    assert!(fixture.test(right.row.id).await.ok);
    assert_eq!(fixture.test(wrong.row.id).await.status, Some(404));
}

#[tokio::test]
async fn a_mail_server_is_tested_without_a_mail() {
    let fixture = Fixture::new().await;
    let server = crate::testing::MailServer::start("ada", SECRET).await;
    let account = |password: &str| {
        let settings = [
            ("host", "127.0.0.1".to_owned()),
            ("port", server.port.to_string()),
            ("security", "none".to_owned()),
            ("from", "Shop <shop@example.org>".to_owned()),
            ("username", "ada".to_owned()),
        ];
        NewIntegration {
            kind: "smtp".to_owned(),
            name: "Mail".to_owned(),
            settings: settings.into_iter().map(|(name, value)| (name.to_owned(), Some(value))).collect(),
            secrets: secrets(&[("password", password)]),
            ..NewIntegration::default()
        }
    };
    let (right, wrong) =
        (fixture.create(account(SECRET)).await, fixture.create(account("sk-wrong-0123456789")).await);

    let report = fixture.test(right.row.id).await;
    assert_eq!((report.ok, report.reason), (true, None));
    let report = fixture.test(wrong.row.id).await;
    let reason = report.reason.expect("a reason");
    assert!(!report.ok && reason.contains("535") && !reason.contains("sk-wrong"), "{reason}");
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_test_without_an_address_is_refused() {
    let fixture = Fixture::new().await;
    let input = NewIntegration { settings: BTreeMap::new(), ..fixture.new_bearer() };
    let created = fixture.create(input).await;

    let refused = fixture.integrations().start_test(&fixture.ada, created.row.id).await;
    assert!(matches!(refused, Err(IntegrationError::Untestable)), "{refused:?}");
}

#[tokio::test]
async fn another_person_has_no_part_in_it() {
    let fixture = Fixture::new().await;
    let id = fixture.create(fixture.new_bearer()).await.row.id;
    let bob = acting(fixture.register("bob@example.org").await.id);
    let integrations = fixture.integrations();

    let changed = integrations.update(&bob, id, IntegrationChanges::default()).await;
    let (read, tested) = (integrations.get(&bob, id).await, integrations.start_test(&bob, id).await);
    let deleted = integrations.delete(&bob, id, true).await;
    let missing = |error: Option<IntegrationError>| matches!(error, Some(IntegrationError::NotFound));
    assert!(missing(changed.err()) && missing(read.err()) && missing(tested.err()) && missing(deleted.err()));
    assert_eq!(integrations.list(&bob, Page { number: 1, size: 10 }).await.expect("listed").1, 0);
    let found = fixture.credentials().find(bob.person().expect("bob"), id, &["http_bearer"]).await;
    assert!(matches!(found, Err(CredentialError::Missing)));
}

#[tokio::test]
async fn secrets_go_only_to_the_allowed_hosts_and_are_not_opened_for_others() {
    let fixture = Fixture::new().await;
    let id = fixture.create(fixture.new_bearer()).await.row.id;
    let found = fixture.find(id).await;

    let elsewhere = Url::parse("https://evil.example/").expect("an address");
    let refused = fixture.credentials().open_for(&found, &elsewhere).await;
    assert!(matches!(refused, Err(CredentialError::HostRefused(host)) if host == "evil.example"));
    assert_eq!(fixture.get(id).await.row.last_used_at, None, "nothing was opened");
    let opened = fixture.credentials().open_for(&found, &fixture.url("/guarded")).await.expect("opened");
    assert_eq!(opened.headers[0].1.expose_secret(), format!("Bearer {SECRET}"));
    assert!(!format!("{opened:?}").contains(SECRET));
}

#[tokio::test]
async fn a_row_that_was_moved_or_put_back_does_not_open() {
    let fixture = Fixture::new().await;
    let (one, other) =
        (fixture.create(fixture.new_bearer()).await, fixture.create(fixture.new_bearer()).await);
    let opens = async |id| {
        fixture.credentials().open(&fixture.find(id).await).await.err().map(|error| error.to_string())
    };
    let before = fixture.rows(one.row.id).await.remove(0);
    let foreign = fixture.rows(other.row.id).await.remove(0);
    let put = async |sealed: &str| {
        let mut row = fixture.rows(one.row.id).await.remove(0).into_active_model();
        row.sealed = Set(sealed.to_owned());
        row.update(fixture.queue().db()).await.expect("changed");
    };
    let changes = IntegrationChanges {
        secrets: secrets(&[("token", "a new token of the shop")]),
        ..Default::default()
    };
    fixture.integrations().update(&fixture.ada, one.row.id, changes).await.expect("changed");
    assert_eq!(opens(one.row.id).await, None);

    for sealed in [&before.sealed, &foreign.sealed] {
        put(sealed).await;
        let error = opens(one.row.id).await.expect("refused");
        assert!(error.contains("does not belong here or was changed"), "{error}");
    }
}

#[tokio::test]
async fn a_person_has_a_bounded_number_of_integrations() {
    let fixture = Fixture::new().await;
    for _ in 0..MAX_INTEGRATIONS {
        fixture.create(fixture.new_bearer()).await;
    }

    let refused = fixture.integrations().create(&fixture.ada, fixture.new_bearer()).await;
    assert!(matches!(refused, Err(IntegrationError::TooMany)), "{refused:?}");
    let page = fixture.integrations().list(&fixture.ada, Page { number: 1, size: 5 }).await.expect("listed");
    assert_eq!((page.0.len(), page.1), (5, MAX_INTEGRATIONS));
    assert!(page.0.iter().all(|integration| integration.secrets.contains_key("token")));
}

#[tokio::test]
async fn without_a_key_nothing_is_stored() {
    let fixture = Fixture::with_ring(KeyRing::default()).await;

    let refused = fixture.integrations().create(&fixture.ada, fixture.new_bearer()).await;
    assert!(matches!(refused, Err(IntegrationError::KeyRing(_))), "{refused:?}");
    let listed = fixture.integrations().list(&fixture.ada, Page { number: 1, size: 5 }).await;
    assert_eq!(listed.expect("listed").1, 0);
}

#[tokio::test]
async fn an_integration_in_use_is_deleted_only_by_force() {
    use crate::{
        graph::Graph,
        workflows::{Expected, NewWorkflow},
    };
    let fixture = Fixture::new().await;
    let id = fixture.create(fixture.new_bearer()).await.row.id;
    let workflows = &fixture.services.automation.workflows;
    let input = NewWorkflow { name: "Orders".to_owned(), ..NewWorkflow::default() };
    let workflow = workflows.create(&fixture.ada, input).await.expect("created");
    let graph = json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "fetch", "type": "http_request", "config": {"url": "https://a.example", "integration": id}},
        ],
        "edges": [{"from": "start", "to": "fetch"}],
    });
    let graph = Graph::from_json(&graph.to_string()).expect("a graph");
    workflows.replace_graph(&fixture.ada, workflow.id, Some(Expected::Any), graph).await.expect("replaced");
    workflows.publish(&fixture.ada, workflow.id, None, None).await.expect("published");

    let Err(IntegrationError::InUse(usages)) = fixture.integrations().delete(&fixture.ada, id, false).await
    else {
        panic!("deleted");
    };
    let mut places: Vec<_> =
        usages.iter().map(|usage| (usage.workflow.as_str(), usage.node.as_str(), usage.published)).collect();
    places.sort_unstable();
    assert_eq!(places, [("Orders", "fetch", false), ("Orders", "fetch", true)]);
    fixture.integrations().delete(&fixture.ada, id, true).await.expect("deleted");
    assert!(fixture.rows(id).await.is_empty());
    let entry = audit_log::Entity::find().filter(audit_log::Column::Action.eq("integration.delete"));
    let entry = entry.one(fixture.queue().db()).await.expect("read").expect("an entry");
    assert_eq!(entry.context["used_by"], 2);
}
