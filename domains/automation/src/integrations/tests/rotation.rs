use super::*;

async fn rewrap(fixture: &Fixture) -> JobId {
    let job = fixture.services.foundation.key_rotation.start(&Actor::platform()).await.expect("started");
    fixture.work().await;
    job
}

/// The same database with another ring.
impl Fixture {
    fn turned(self, ring: KeyRing) -> Self {
        let Self { fixture, ada, base, server } = self;
        let mut fixture = fixture;
        fixture.services.automation.integrations = Integrations::new(fixture.queue().clone(), ring.clone());
        let http = fixture.services.automation.credentials.http.clone();
        fixture.services.automation.credentials = Credentials::new(fixture.queue().clone(), ring, http);
        Self { fixture, ada, base, server }
    }
}

#[tokio::test]
async fn a_rotation_moves_every_secret_to_the_first_key() {
    let fixture = Fixture::with_ring(ring(&[("new", 2), ("old", 1)])).await;
    let old = Integrations::new(fixture.queue().clone(), ring(&[("old", 1)]));
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(old.create(&fixture.ada, fixture.new_bearer()).await.expect("created").row.id);
    }
    let newer = fixture.create(fixture.new_bearer()).await.row.id;
    let keys = async || {
        let keys = fixture.services.foundation.key_rotation.list_keys().await.expect("listed");
        keys.into_iter().map(|(count, known)| (count.key_id, count.secrets, known)).collect::<Vec<_>>()
    };
    assert_eq!(keys().await, [("new".to_owned(), 1, true), ("old".to_owned(), 3, true)]);

    let job = rewrap(&fixture).await;

    assert_eq!(fixture.job(job).await.result, Some(json!({"rewrapped": 3})));
    assert_eq!(keys().await, [("new".to_owned(), 4, true), ("old".to_owned(), 0, true)]);
    let fixture = fixture.turned(ring(&[("new", 2)]));
    for id in ids.into_iter().chain([newer]) {
        let opened = fixture.credentials().open(&fixture.find(id).await).await.expect("opened");
        assert_eq!(opened.find_secret("token").map(ExposeSecret::expose_secret), Some(SECRET));
    }
    let again = rewrap(&fixture).await;
    assert_eq!(fixture.job(again).await.result, Some(json!({"rewrapped": 0})));
}

#[tokio::test]
async fn secrets_of_an_unknown_key_stay_and_are_reported() {
    let fixture = Fixture::with_ring(ring(&[("new", 2), ("old", 1)])).await;
    let (old, lost) = (("old", 1), ("lost", 9));
    for (keys, count) in [([old], 2), ([lost], 1)] {
        let others = Integrations::new(fixture.queue().clone(), ring(&keys));
        for _ in 0..count {
            others.create(&fixture.ada, fixture.new_bearer()).await.expect("created");
        }
    }

    let job = rewrap(&fixture).await;

    let job = fixture.job(job).await;
    let error = job.error.expect("an error");
    assert_eq!((job.state, &error["code"]), (JobState::Failed, &json!("CREDENTIALS_UNREADABLE")));
    assert_eq!(error["details"], json!({"rewrapped": 2, "unreadable": {"lost": 1}}));
    let keys = fixture.services.foundation.key_rotation.list_keys().await.expect("listed");
    assert_eq!(
        keys.last().map(|(count, known)| (count.key_id.as_str(), count.secrets, *known)),
        Some(("lost", 1, false))
    );
}

#[tokio::test]
async fn without_a_key_a_rotation_fails() {
    let fixture = Fixture::with_ring(KeyRing::default()).await;

    let job = rewrap(&fixture).await;

    let error = fixture.job(job).await.error.expect("an error");
    assert_eq!(error["code"], "CREDENTIAL_KEYS_MISSING");
}
