//! The takeover of an account that was registered with another person's address.

use atelier_entities::mail_messages;
use atelier_tests::{AppSetup, PASSWORD, TestApp, until};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

const ADA: &str = "ada@example.org";

/// Waits for a mail with this template, and returns the token of its link.
async fn mailed_token(app: &TestApp, template: &str) -> String {
    until(&format!("there is a mail {template}"), async || {
        let mail = mail_messages::Entity::find()
            .filter(mail_messages::Column::Recipient.eq(ADA))
            .filter(mail_messages::Column::Template.eq(template))
            .one(app.db())
            .await
            .expect("a database");
        let text = mail?.text_body?;
        Some(text.split("#token=").nth(1)?.split_whitespace().next()?.to_owned())
    })
    .await
}

pub(super) async fn a_takeover_removes_all_former_access(setup: AppSetup) {
    let app = setup.start().await;
    let client = app.client();
    let mallory = client.register(ADA).await;
    let wanted = json!({"name": "later", "scopes": ["read", "write"], "expires_in_days": 366});
    let made = mallory.client.post("/api/auth/tokens").json(&wanted).send().await.expect(201).json();
    let script = client.signed_in(made["token"].as_str().expect("a token"));
    let _works = script.get("/api/projects").send().await.expect(200);

    let asked = client.post("/api/auth/forgot-password").json(&json!({"email": ADA})).send().await;
    let _asked = asked.expect(200);
    let token = mailed_token(&app, "reset_password").await;
    let body = json!({"token": token, "new_password": "another horse battery"});
    let _reset = client.post("/api/auth/reset-password").json(&body).send().await.expect(200);

    for credential in [&mallory.client, &script] {
        let _refused = credential.get("/api/projects").send().await.refused(401, "INVALID_TOKEN");
    }
    let _refused = client.refresh(&mallory.refresh_token).await.refused(401, "INVALID_TOKEN");
    let _refused = client.login(ADA, PASSWORD).await.refused(401, "BAD_CREDENTIALS");
    let confirmation = json!({"token": mailed_token(&app, "welcome").await});
    let spent = client.post("/api/auth/verify-email").json(&confirmation).send().await;
    let _spent = spent.refused(400, "LINK_INVALID");
    let ada = client.person(&client.login(ADA, "another horse battery").await.expect(200));
    assert_eq!(ada.get("/api/auth/tokens").await, json!([]));
    app.finish().await;
}
