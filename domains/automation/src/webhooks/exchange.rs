//! One request to the server of a subscription.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use atelier_entities::webhook_deliveries as deliveries;
use atelier_providers::http::{GuardedClient, HttpError, OutboundRequest, OutboundResponse};
use bytes::{Bytes, BytesMut};
use secrecy::SecretString;
use tokio::time::{Instant as Deadline, timeout_at};

use super::{Webhooks, outcome::Report, signature::sign};
use crate::retry_after::pause;

/// How long a server may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of the body of an answer that are kept.
const KEPT_BYTES: usize = 2 * 1024;
/// Headers of an answer that are kept.
const KEPT_HEADERS: usize = 40;
/// Characters of the value of a header that are kept.
const KEPT_CHARS: usize = 500;
/// The header by which a server refuses further attempts, and its value.
const ABORT: (&str, &str) = ("webhook-delivery", "abort-message");

impl Webhooks {
    /// Sends a delivery once. None if a secret cannot sign.
    pub(super) async fn send(
        &self,
        url: &str,
        delivery: &deliveries::Model,
        number: i32,
        secrets: &[SecretString],
    ) -> Option<Report> {
        let started_at = self.queue.now();
        let timestamp = started_at.timestamp();
        let signature = sign(secrets, &delivery.event_id, timestamp, &delivery.payload)?;
        let request_headers = BTreeMap::from([
            ("content-type".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), "Atelier-Webhook/1".to_owned()),
            ("webhook-id".to_owned(), delivery.event_id.clone()),
            ("webhook-timestamp".to_owned(), timestamp.to_string()),
        ]);
        let mut headers: Vec<(String, String)> = request_headers.clone().into_iter().collect();
        headers.push(("webhook-signature".to_owned(), signature));
        let request = OutboundRequest {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers,
            body: Bytes::from(delivery.payload.clone()),
        };
        let begun = Instant::now();
        let answer = exchange(&self.http, request).await;
        let report = Report {
            number,
            started_at,
            duration_ms: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
            status: None,
            error: None,
            retry_after_secs: None,
            aborts: false,
            request_headers,
            response_headers: None,
            response_body: None,
        };
        Some(match answer {
            Ok(answer) => self.with_answer(report, &answer),
            Err(error) => Report { error: Some(error.code().to_owned()), ..report },
        })
    }

    fn with_answer(&self, report: Report, answer: &OutboundResponse) -> Report {
        let header = |wanted: &str| {
            let found = answer.headers.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let asked = header("retry-after").and_then(|text| pause(text, self.queue.now()));
        let aborts = header(ABORT.0).is_some_and(|value| value.trim().eq_ignore_ascii_case(ABORT.1));
        let error = match answer.status {
            200..300 => None,
            300..400 => Some("REDIRECTED"),
            _ if aborts => Some("ABORTED"),
            _ => Some("HTTP_STATUS"),
        };
        Report {
            status: Some(answer.status),
            error: error.map(str::to_owned),
            retry_after_secs: asked.and_then(|pause| i32::try_from(pause.as_secs()).ok()),
            aborts,
            response_headers: Some(kept_headers(answer)),
            response_body: Some(String::from_utf8_lossy(&answer.body).replace('\0', "\u{fffd}")),
            ..report
        }
    }
}

/// Sends a request and reads the beginning of the body. Once the status has come, nothing that happens to the
/// body changes what the server said. Redirects are not followed.
async fn exchange(http: &GuardedClient, request: OutboundRequest) -> Result<OutboundResponse, HttpError> {
    let deadline = Deadline::now() + TIMEOUT;
    let mut stream = timeout_at(deadline, http.open(request)).await.unwrap_or(Err(HttpError::Timeout))?;
    let mut body = BytesMut::new();
    while body.len() < KEPT_BYTES {
        let Ok(Ok(Some(chunk))) = timeout_at(deadline, stream.chunk()).await else { break };
        body.extend_from_slice(&chunk);
    }
    body.truncate(KEPT_BYTES);
    Ok(OutboundResponse { status: stream.status, headers: stream.headers, body: body.freeze() })
}

/// The headers of an answer that are kept: none that sets a cookie.
fn kept_headers(answer: &OutboundResponse) -> BTreeMap<String, String> {
    let kept = answer.headers.iter().filter(|(name, _)| !name.starts_with("set-cookie"));
    kept.take(KEPT_HEADERS)
        .map(|(name, value)| (name.clone(), value.chars().take(KEPT_CHARS).collect()))
        .collect()
}
