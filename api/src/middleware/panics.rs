//! Answers a panic of a handler with a 500.

use std::{any::Any, panic::AssertUnwindSafe};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use futures::FutureExt;

use crate::error::ApiError;

/// Answers a panic in place of breaking the connection.
pub(crate) async fn catch<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let answering = async move { next(request).await };
    AssertUnwindSafe(answering).catch_unwind().await.unwrap_or_else(respond)
}

/// The answer to a request whose handler panicked; the panic is logged.
pub(crate) fn respond(panic: Box<dyn Any + Send>) -> Response {
    ApiError::internal(format!("panicked: {}", message_of(panic.as_ref()))).into_response()
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        middleware::{Next, from_fn},
        routing::get,
    };
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn panic_with_a_secret() -> &'static str {
        let word = String::from("hunter2");
        panic!("the password is {word}")
    }

    async fn caught(request: Request, next: Next) -> Response {
        catch(request, |request| next.run(request)).await
    }

    #[tokio::test]
    async fn a_panic_is_one_answer_that_says_nothing_of_the_inside() {
        let app = Router::new().route("/", get(panic_with_a_secret)).layer(from_fn(caught));

        let response = app.oneshot(Request::new(Body::empty())).await.expect("an answer");

        assert_eq!(response.status(), 500);
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.expect("a body");
        let body: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(body["code"], "INTERNAL");
        assert!(!body.to_string().contains("hunter2"));
    }

    #[test]
    fn both_kinds_of_messages_are_read() {
        assert_eq!(message_of(&"plain"), "plain");
        assert_eq!(message_of(&String::from("formatted")), "formatted");
        assert_eq!(message_of(&7), "without a message");
    }
}
