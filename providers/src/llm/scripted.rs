//! A model server that follows the script of a test, byte by byte: statuses, headers, pieces
//! of the body, pauses, cuts. It speaks no protocol; `claude`, `gemini` and `openai` write the
//! frames of theirs.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub mod claude;
pub mod gemini;
pub mod openai;

/// Largest request.
const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// A step of a response, after its head.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes at once.
    Send(Vec<u8>),
    /// Waits that long.
    Pause(Duration),
    /// Waits until the test notifies.
    Await(Arc<Notify>),
    /// Closes the connection in the middle of the body.
    Cut,
    /// Sends nothing more and keeps the connection open.
    Hang,
}

/// The scripted response to one request.
#[derive(Debug, Clone)]
pub struct Reaction {
    status: u16,
    headers: Vec<(String, String)>,
    steps: Vec<Step>,
}

impl Reaction {
    /// A stream of events with status 200.
    #[must_use]
    pub fn stream(events: impl IntoIterator<Item = String>) -> Self {
        let steps = events.into_iter().map(|event| Step::Send(event.into_bytes())).collect();
        Self { status: 200, headers: vec![("content-type".into(), "text/event-stream".into())], steps }
    }

    /// A response with this status and body, which calls itself JSON.
    #[must_use]
    pub fn document(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Self { status, headers, steps: vec![Step::Send(body.into().into_bytes())] }
    }

    /// With this header, in place of one of the same name.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With one more step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// With the same bytes, sent one by one with a pause after each.
    #[must_use]
    pub fn byte_by_byte(mut self, pause: Duration) -> Self {
        let split = |step: Step| match step {
            Step::Send(bytes) => {
                let single = bytes.into_iter().flat_map(|byte| [Step::Send(vec![byte]), Step::Pause(pause)]);
                single.collect()
            }
            other => vec![other],
        };
        self.steps = self.steps.into_iter().flat_map(split).collect();
        self
    }
}

/// A received request.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// Its path with the query.
    pub path: String,
    /// Its headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body; null if it is not JSON.
    pub body: Value,
}

impl ReceivedRequest {
    /// The value of a header; empty if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

#[derive(Debug, Default)]
struct Script {
    reactions: Mutex<VecDeque<Reaction>>,
    requests: Mutex<Vec<ReceivedRequest>>,
}

/// A running server; it ends when the value is dropped.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

impl ScriptedServer {
    /// Starts a server on a free port that reacts with these in order. Further requests get a
    /// 500.
    ///
    /// # Errors
    /// If it cannot listen.
    pub async fn start(reactions: impl IntoIterator<Item = Reaction>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let script = Arc::new(Script::default());
        locked(&script.reactions).extend(reactions);
        let shared = Arc::clone(&script);
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let script = Arc::clone(&shared);
                tokio::spawn(async move {
                    if let Err(error) = serve(connection, &script).await {
                        tracing::debug!(%error, "a connection of the scripted server ended");
                    }
                });
            }
        });
        Ok(Self { address, script, task })
    }

    /// The root of its URLs, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts a reaction at the end of the script.
    pub fn push(&self, reaction: Reaction) {
        locked(&self.script.reactions).push_back(reaction);
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        locked(&self.script.requests).clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(connection: TcpStream, script: &Script) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut connection = BufReader::new(connection);
    let request = receive(&mut connection).await?;
    locked(&script.requests).push(request);
    let reaction = locked(&script.reactions).pop_front();
    let reaction = reaction.unwrap_or_else(|| Reaction::document(500, "{}"));
    respond(connection.get_mut(), reaction).await
}

async fn receive(connection: &mut BufReader<TcpStream>) -> io::Result<ReceivedRequest> {
    let mut line = String::new();
    connection.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        line.clear();
        if connection.read_line(&mut line).await? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let (name, value) = (name.trim().to_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse::<usize>().unwrap_or_default().min(MAX_REQUEST_BYTES);
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await?;
    Ok(ReceivedRequest { path, headers, body: serde_json::from_slice(&body).unwrap_or_default() })
}

async fn respond(connection: &mut TcpStream, reaction: Reaction) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", reaction.status);
    for (name, value) in &reaction.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("transfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    connection.write_all(head.as_bytes()).await?;
    for step in reaction.steps {
        match step {
            Step::Send(bytes) if bytes.is_empty() => {}
            Step::Send(bytes) => {
                let size = format!("{:x}\r\n", bytes.len());
                connection.write_all(&[size.as_bytes(), &bytes, b"\r\n"].concat()).await?;
                connection.flush().await?;
            }
            Step::Pause(time) => tokio::time::sleep(time).await,
            Step::Await(signal) => signal.notified().await,
            Step::Cut => return connection.shutdown().await,
            Step::Hang => std::future::pending().await,
        }
    }
    connection.write_all(b"0\r\n\r\n").await?;
    connection.shutdown().await
}
