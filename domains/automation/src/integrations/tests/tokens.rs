use super::*;

async fn token(fixture: &Fixture, found: &Found) -> Result<String, CredentialError> {
    let credential = fixture.credentials().open_for(found, &fixture.url("/guarded")).await?;
    Ok(credential.headers[0].1.expose_secret().to_owned())
}

#[tokio::test]
async fn a_token_is_got_once_and_kept_until_it_expires() {
    let fixture = Fixture::new().await;
    let id = fixture.create(fixture.new_client("/token")).await.row.id;
    let found = fixture.find(id).await;

    assert_eq!(token(&fixture, &found).await.expect("a token"), "Bearer issued-token-1");
    assert_eq!(token(&fixture, &found).await.expect("a token"), "Bearer issued-token-1");
    assert_eq!(fixture.server.issued(), 1);
    assert!(!fixture.dump().await.contains("issued-token"), "tokens are sealed");
    assert!(fixture.get(id).await.secrets.keys().eq(["client_secret"]), "tokens are in no view");

    fixture.advance(3600);
    assert_eq!(token(&fixture, &found).await.expect("a token"), "Bearer issued-token-2");
    fixture.credentials().forget_token(&found).await.expect("forgotten");
    assert_eq!(token(&fixture, &found).await.expect("a token"), "Bearer issued-token-3");
}

#[tokio::test]
async fn while_one_worker_gets_a_token_the_others_wait() {
    let fixture = Fixture::new().await;
    let id = fixture.create(fixture.new_client("/token")).await.row.id;
    let found = fixture.find(id).await;
    let mut leased = fixture.get(id).await.row.into_active_model();
    leased.token_lease_until = Set(Some(fixture.queue().now() + chrono::TimeDelta::seconds(20)));
    leased.update(fixture.queue().db()).await.expect("changed");

    let waits = token(&fixture, &found).await;
    assert!(matches!(waits, Err(CredentialError::Pending(_))), "{waits:?}");
    assert_eq!(fixture.server.issued(), 0);
    fixture.advance(21);
    assert_eq!(token(&fixture, &found).await.expect("a token"), "Bearer issued-token-1");
    assert_eq!(fixture.get(id).await.row.token_lease_until, None);
}

#[tokio::test]
async fn a_changed_integration_forgets_its_token_and_keeps_none_of_an_earlier_revision() {
    let fixture = Fixture::new().await;
    let id = fixture.create(fixture.new_client("/token")).await.row.id;
    let earlier = fixture.find(id).await;
    token(&fixture, &earlier).await.expect("a token");

    let changes = IntegrationChanges { secrets: secrets(&[("client_secret", "new")]), ..Default::default() };
    fixture.integrations().update(&fixture.ada, id, changes).await.expect("changed");
    let stale = token(&fixture, &earlier).await;
    assert!(matches!(stale, Err(CredentialError::Pending(_))), "{stale:?}");
    assert_eq!(token(&fixture, &fixture.find(id).await).await.expect("a token"), "Bearer issued-token-2");
}

#[tokio::test]
async fn a_refused_client_learns_why_and_leaves_no_lease() {
    let fixture = Fixture::new().await;
    let id = fixture.create(fixture.new_client("/no-token")).await.row.id;

    let report = fixture.test(id).await;
    assert_eq!(
        report.reason.as_deref(),
        Some("The server of tokens gave no token: it answered 401 (invalid_client).")
    );
    assert_eq!(fixture.get(id).await.row.token_lease_until, None);
}
