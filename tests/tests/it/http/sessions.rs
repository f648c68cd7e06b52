//! Sessions from sign-in to sign-out.

use atelier_entities::users;
use atelier_tests::{AppSetup, PASSWORD};
use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::json;

pub(super) async fn a_sign_in_survives_refreshes_until_the_sign_out(setup: AppSetup) {
    let app = setup.start().await;
    let client = app.client();
    let ada = client.register("ada@example.org").await;
    for (email, password) in [("ada@example.org", "wrong horse"), ("eve@example.org", PASSWORD)] {
        let _refused = client.login(email, password).await.refused(401, "BAD_CREDENTIALS");
    }
    let signed_in = client.login(" ADA@example.org", PASSWORD).await.expect(200);
    assert_eq!(signed_in.json()["token_type"], "bearer");
    let desk = client.person(&signed_in);
    assert_eq!((&desk.id, desk.refresh_token == ada.refresh_token), (&ada.id, false));

    let next = client.person(&client.refresh(&desk.refresh_token).await.expect(200));
    next.get("/api/auth/me").await;
    desk.get("/api/auth/me").await;
    let out = next.client.post("/api/auth/logout").send().await.expect(200);
    assert_eq!(out.json(), json!({"success": true}));

    for person in [&desk, &next] {
        let _refused = person.client.get("/api/auth/me").send().await.refused(401, "INVALID_TOKEN");
        let _refused = client.refresh(&person.refresh_token).await.refused(401, "INVALID_TOKEN");
    }
    let _refused = client.refresh("never seen").await.refused(401, "INVALID_TOKEN");
    ada.get("/api/auth/me").await;
    let _other_sign_in = client.refresh(&ada.refresh_token).await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reuse_of_a_refresh_token_ends_the_sign_in() {
    let app = AppSetup::embedded().start().await;
    let client = app.client();
    let ada = client.register("ada@example.org").await;
    let elsewhere = client.person(&client.login("ada@example.org", PASSWORD).await.expect(200));

    let one_tab = client.person(&client.refresh(&ada.refresh_token).await.expect(200));
    let other_tab = client.person(&client.refresh(&ada.refresh_token).await.expect(200));
    assert_ne!(one_tab.refresh_token, other_tab.refresh_token);
    let other_tab = client.person(&client.refresh(&other_tab.refresh_token).await.expect(200));
    other_tab.get("/api/auth/me").await;

    app.advance(TimeDelta::seconds(11)).await;
    let _thief = client.refresh(&ada.refresh_token).await.refused(401, "INVALID_TOKEN");

    for person in [&one_tab, &other_tab] {
        let _refused = person.client.get("/api/auth/me").send().await.refused(401, "INVALID_TOKEN");
        let _refused = client.refresh(&person.refresh_token).await.refused(401, "INVALID_TOKEN");
    }
    elsewhere.get("/api/auth/me").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deactivated_account_can_do_nothing() {
    let app = AppSetup::embedded().start().await;
    let client = app.client();
    let ada = client.register("ada@example.org").await;
    let closed = users::ActiveModel { is_active: Set(false), ..Default::default() };
    users::Entity::update_many().set(closed).exec(app.db()).await.expect("a database");

    let _refused = ada.client.get("/api/auth/me").send().await.refused(403, "ACCOUNT_DEACTIVATED");
    let _refused = client.refresh(&ada.refresh_token).await.refused(403, "ACCOUNT_DEACTIVATED");
    let _refused = client.login("ada@example.org", PASSWORD).await.refused(403, "ACCOUNT_DEACTIVATED");
    let guess = client.login("ada@example.org", "wrong horse").await;
    let _tells_nothing = guess.refused(401, "BAD_CREDENTIALS");
    app.finish().await;
}
