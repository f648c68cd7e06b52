use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{described::EXTENSION, *};
use crate::{
    middleware::{Operations, around_operations},
    testing::{LIMITS, TestApi, request},
};

/// A handler that checks nothing itself.
#[operation(get, path = "/api/v2/things", responses((status = 200, description = "The things.")))]
async fn list_things() -> &'static str {
    "things"
}

/// A public handler.
#[operation(
    get, path = "/api/v2/public", security(()),
    responses((status = 200, description = "The things.")),
)]
async fn list_public_things() -> &'static str {
    "public things"
}

/// A handler for administrators that checks nothing itself.
#[operation(post, path = "/api/v2/all", responses((status = 200, description = "Done.")))]
async fn clear_things() -> &'static str {
    "cleared"
}

fn things() -> Routes {
    Routes::new()
        .add(routes!(list_things))
        .add(route(routes!(list_public_things)).unlimited())
        .merge(Routes::new().add(route(routes!(clear_things)).costs(Limit::Generation)).admins_only())
}

#[tokio::test]
async fn the_policy_of_a_route_is_enforced_where_its_handler_checks_nothing() {
    let api = TestApi::start(LIMITS).await;
    let (ada, root) = (api.register("ada@example.org").await, api.register_admin("root@example.org").await);
    let (router, policies) = things().into_parts();
    let operations = Arc::new(Operations { state: api.state.clone(), policies });
    let router =
        router.layer(from_fn_with_state(operations, around_operations)).with_state(api.state.clone());
    for (method, path, token, status, limited) in [
        ("GET", "/api/v2/things", "", 401, true),
        ("GET", "/api/v2/things", "nonsense", 401, true),
        ("GET", "/api/v2/things", &*ada, 200, true),
        ("HEAD", "/api/v2/things", "", 401, true),
        ("DELETE", "/api/v2/things", "", 405, true),
        ("GET", "/api/v2/public", "", 200, false),
        ("POST", "/api/v2/all", "", 401, true),
        ("POST", "/api/v2/all", &ada, 403, true),
        ("POST", "/api/v2/all", &root, 200, true),
        ("GET", "/api/v2/nothing", "", 404, false),
    ] {
        let request = request(method, path, token, Value::Null);
        let answer = router.clone().oneshot(request).await.expect("an answer");
        let is_limited = answer.headers().contains_key("ratelimit-limit");
        assert_eq!((answer.status().as_u16(), is_limited), (status, limited), "{method} {path} {token}");
    }
}

#[test]
fn the_document_has_the_policy_of_each_operation() {
    let document = things().into_document();
    let json = serde_json::to_value(document).expect("JSON");

    assert_eq!(
        json["paths"]["/api/v2/all"]["post"][EXTENSION],
        json!({"rate_limits": ["requests", "generation"], "token_scopes": ["write", "admin"]})
    );
    assert_eq!(json["paths"]["/api/v2/public"]["get"][EXTENSION], json!({"rate_limits": []}));
}
