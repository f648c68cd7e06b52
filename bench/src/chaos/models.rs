//! Model servers that fail before, in the middle of and after their answers.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context;
use axum::{
    Json, Router,
    body::Body,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// The pause after each piece of an answer, long enough for a fault to fall into it.
const PAUSE: Duration = Duration::from_millis(20);

const PAGE: &str = "```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <title>Books</title>\n<link rel=\"stylesheet\" href=\"styles.css\">\n</head>\n<body>\n<h1>Books</h1>\n</body>\n\
    </html>\n```\n\n";
const STYLE: &str = "```css path=styles.css\nh1 { color: teal; }\n```\n";
const FAULTY: &str = "```json path=data.json\n{\"a\": \n```\n";

/// Two servers on a port of 127.0.0.1, until they are dropped.
#[derive(Debug)]
pub(super) struct Models {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Models {
    /// Starts them.
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for models")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let router = Router::new().route("/{server}/chat/completions", post(complete));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the model servers have ended");
            }
        });
        Ok(Self { address, server })
    }

    /// The settings of a product that asks them.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let section = |name: &str| {
            let url = format!("http://{}/{name}", self.address);
            format!(
                "{{ name = \"{name}\", protocol = \"openai\", base_url = \"{url}\", api_key = \"a key\" }}"
            )
        };
        let servers = format!("[{}, {}]", section("first"), section("second"));
        let settings = [("PROVIDER", "openai"), ("PROVIDERS", servers.as_str()), ("CIRCUIT_OPEN_SECS", "2")];
        settings.map(|(name, value)| (format!("ATELIER_LLM__{name}"), value.to_owned())).to_vec()
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Whole,
    /// The connection is lost after the first file.
    Cut,
    /// An error comes in place of the second file.
    ErrorInside,
    /// The token limit is reached in the second file.
    Limit,
    /// A file has a fault.
    Faulty,
    /// It is refused.
    Refused,
}

/// The course of a request whose draw is below 100.
fn course(draw: u32) -> Course {
    match draw {
        0..55 => Course::Whole,
        55..70 => Course::Cut,
        70..80 => Course::ErrorInside,
        80..87 => Course::Limit,
        87..92 => Course::Faulty,
        _ => Course::Refused,
    }
}

async fn complete(Path(server): Path<String>) -> Response {
    let course = course(rand::random_range(0..100));
    tracing::debug!(server, ?course, "a model was asked");
    if course == Course::Refused {
        let error = json!({"error": {"message": "overloaded", "type": "server_error"}});
        return (StatusCode::SERVICE_UNAVAILABLE, Json(error)).into_response();
    }
    let pieces = stream::iter(pieces(course)).then(|piece| async move {
        tokio::time::sleep(PAUSE).await;
        piece
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(pieces)).into_response()
}

/// The events of an answer; an error cuts the connection.
fn pieces(course: Course) -> Vec<io::Result<String>> {
    let event = |data: &Value| Ok(format!("data: {data}\n\n"));
    let text = |text: &str| event(&json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
    let end = |reason: &str| event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}));
    let done = || Ok("data: [DONE]\n\n".to_owned());
    let mut all = vec![text("A small reading list.\n\n")];
    all.extend(PAGE.split_inclusive('\n').map(text));
    match course {
        Course::Whole => all.extend([text(STYLE), end("stop"), done()]),
        Course::Faulty => all.extend([text(STYLE), text(FAULTY), end("stop"), done()]),
        Course::Limit => all.extend([text(&STYLE[..STYLE.len() / 2]), end("length"), done()]),
        Course::ErrorInside => {
            all.push(event(&json!({"error": {"message": "lost", "type": "server_error"}})))
        }
        Course::Cut | Course::Refused => all.push(Err(io::ErrorKind::ConnectionReset.into())),
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_requests_fail_in_one_of_the_ways() {
        let of = |wanted: Course| (0..100).filter(|draw| course(*draw) == wanted).count();
        for wanted in [Course::Cut, Course::ErrorInside, Course::Limit, Course::Faulty, Course::Refused] {
            assert!(of(wanted) >= 5, "{wanted:?}");
        }
        assert!(of(Course::Whole) > 50);
    }

    #[test]
    fn only_a_cut_answer_has_no_end() {
        for wanted in [Course::Whole, Course::Faulty, Course::Limit] {
            let all = pieces(wanted);
            assert!(all.last().is_some_and(|last| last.as_deref().is_ok_and(|end| end.contains("[DONE]"))));
        }
        assert!(pieces(Course::Cut).last().is_some_and(Result::is_err));
    }
}
