//! A model server that streams an application of a given size.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time};

const PAGE: &str = "```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <title>List</title>\n</head>\n<body>\n<h1>List</h1>\n</body>\n</html>\n```\n\n";
/// Text of one event.
const CHUNK: usize = 64;
/// The pause after a thousand bytes, so that all generations stream at the same time.
const PAUSE: Duration = Duration::from_millis(20);

/// When the first content for each number was sent.
type Begun = Arc<Mutex<HashMap<usize, Instant>>>;

/// The server, until it is dropped.
pub(super) struct Model {
    address: SocketAddr,
    begun: Begun,
    server: JoinHandle<()>,
}

/// What an answer is made of.
#[derive(Clone)]
struct Shared {
    begun: Begun,
    text: Arc<str>,
}

impl Model {
    /// Starts it. Its applications have about this many KiB.
    pub(super) async fn start(kib: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for a model")?;
        let (address, begun) = (listener.local_addr()?, Begun::default());
        let shared = Shared { begun: begun.clone(), text: text(kib).into() };
        let router = Router::new().route("/chat/completions", post(complete)).with_state(shared);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the model server has ended");
            }
        });
        Ok(Self { address, begun, server })
    }

    /// The settings of a product that asks it.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let url = format!("http://{}", self.address);
        let server = format!(
            "[{{ name = \"bench\", protocol = \"openai\", base_url = \"{url}\", api_key = \"a key\" }}]"
        );
        [("PROVIDER", "openai"), ("PROVIDERS", server.as_str())]
            .map(|(name, value)| (format!("ATELIER_LLM__{name}"), value.to_owned()))
            .to_vec()
    }

    /// When the first content for each number was sent.
    pub(super) fn begun(&self) -> HashMap<usize, Instant> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The title of the project of that number.
pub(super) fn title(number: usize) -> String {
    format!("Bench {number}")
}

/// The number of the project that a request is about.
fn number(request: &Value) -> Option<usize> {
    let messages = request["messages"].as_array()?;
    let texts = messages.iter().filter_map(|message| message["content"].as_str());
    let after = texts.filter_map(|text| text.split_once("<request_title>Bench ")).next()?.1;
    after.split('<').next()?.parse().ok()
}

/// An application of about this many KiB.
fn text(kib: usize) -> String {
    let line = "A line of notes that is as long as lines of notes usually are.\n";
    let notes = line.repeat((kib * 1024).div_ceil(line.len()));
    format!("{PAGE}```text path=notes.txt\n{notes}```\n")
}

async fn complete(State(shared): State<Shared>, Json(request): Json<Value>) -> Response {
    let number = number(&request).unwrap_or_default();
    let body = Body::from_stream(events(shared, number));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn events(shared: Shared, number: usize) -> impl Stream<Item = io::Result<String>> + Send + 'static {
    let pieces = stream::unfold((shared, 0), move |(shared, at)| async move {
        if at >= shared.text.len() {
            return None;
        }
        let end = (at + CHUNK).min(shared.text.len());
        if at == 0 {
            let mut begun = shared.begun.lock().unwrap_or_else(PoisonError::into_inner);
            begun.entry(number).or_insert_with(Instant::now);
        } else if at % (16 * CHUNK) == 0 {
            time::sleep(PAUSE).await;
        }
        let data = json!({"choices": [{"index": 0, "delta": {"content": &shared.text[at..end]}}]});
        Some((Ok(format!("data: {data}\n\n")), (shared, end)))
    });
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let end = [Ok(format!("data: {end}\n\n")), Ok("data: [DONE]\n\n".to_owned())];
    pieces.chain(stream::iter(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_tells_its_number_and_an_answer_has_its_size() {
        let content = format!("<request_title>{}</request_title>", title(17));
        let request = json!({"messages": [{"content": "rules"}, {"content": content}]});
        assert_eq!(number(&request), Some(17));
        let text = text(200);
        assert!((200 * 1024..202 * 1024).contains(&text.len()) && text.is_ascii());
    }
}
