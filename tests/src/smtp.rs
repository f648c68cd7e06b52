//! A real SMTP server, the Node.js package smtp-server, whose behaviour a test controls.
//! `scripts/node-packages` installs it; `tests/smtp/server.mjs` runs it.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::authority::{Authority, Issued};
use crate::node::{NodeInput, NodeServer};

const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The behaviour of the server. It can be changed while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpMode {
    /// Accepts every message.
    Accept,
    /// Rejects every recipient permanently: 550, no such mailbox.
    Reject,
    /// Rejects every recipient permanently: 550, by a policy against the sender.
    RejectByPolicy,
    /// Rejects every message permanently after its content: 554.
    RejectContent,
    /// Rejects every message permanently after its content: 554, no such mailbox.
    RejectLate,
    /// Rejects each recipient with 451 the first time, then accepts it.
    Greylist,
    /// Closes every connection before the greeting.
    HangUp,
    /// Closes the connection while it receives a message.
    HangUpInData,
    /// Accepts the message and closes the connection without an answer, so that the sender does
    /// not know that it arrived.
    HangUpAfterData,
    /// Never answers to a recipient.
    Stall,
}

impl SmtpMode {
    const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::RejectByPolicy => "reject_by_policy",
            Self::RejectContent => "reject_content",
            Self::RejectLate => "reject_late",
            Self::Greylist => "greylist",
            Self::HangUp => "hang_up",
            Self::HangUpInData => "hang_up_in_data",
            Self::HangUpAfterData => "hang_up_after_data",
            Self::Stall => "stall",
        }
    }
}

/// A received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    /// Address in MAIL FROM.
    pub from: String,
    /// Addresses in RCPT TO.
    pub to: Vec<String>,
    /// Headers and body with CRLF line ends, without the dots that SMTP adds.
    pub data: String,
    /// Whether the connection was encrypted.
    pub encrypted: bool,
    /// The authenticated user.
    pub user: Option<String>,
}

impl ReceivedMail {
    /// The value of a header, unfolded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.data.split_once("\r\n\r\n")?;
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

/// A running server; it ends when the value is dropped.
pub struct SmtpServer {
    port: u16,
    state: Arc<State>,
    input: tokio::sync::Mutex<NodeInput>,
    protection: Option<Protection>,
    reader: JoinHandle<()>,
    _process: Child,
}

#[derive(Default)]
struct State {
    connections: Mutex<usize>,
    mails: watch::Sender<Vec<ReceivedMail>>,
    /// The id of the last confirmed command.
    changed: watch::Sender<u64>,
}

/// The CA and the settings of a server with STARTTLS and authentication.
struct Protection {
    authority: Authority,
    setup: Value,
}

const USER: &str = "ada@example.org";
const PASSWORD: &str = "a:strange/pass wörd";

impl SmtpServer {
    /// Starts a server on a free port, without encryption and authentication.
    ///
    /// # Panics
    /// If it does not start: `scripts/test` installs it.
    pub async fn start(mode: SmtpMode) -> Self {
        let server = Self::spawn(None).await;
        server.set_mode(mode).await;
        server
    }

    /// Starts a server that requires STARTTLS and authentication. Its certificate is from the CA
    /// of [`Self::authority_file`].
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_protected() -> Self {
        Self::spawn(Some(Protection::create())).await
    }

    async fn spawn(protection: Option<Protection>) -> Self {
        let setup = protection.as_ref().map_or_else(|| json!({}), |protection| protection.setup.clone());
        let node = NodeServer::start("smtp", &[&setup.to_string()]).await;
        let NodeServer { greeting, input, lines, process } = node;
        let port = greeting["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        let state = Arc::new(State::default());
        let reader = tokio::spawn(follow(lines, Arc::clone(&state)));
        Self { port, state, input: input.into(), protection, reader, _process: process }
    }

    /// The `smtp://` URL, with credentials if they are required.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.port;
        if self.protection.is_none() {
            return format!("smtp://127.0.0.1:{port}");
        }
        let mut url = url::Url::parse(&format!("smtp://localhost:{port}?tls=required")).expect("a URL");
        url.set_username(USER).and_then(|()| url.set_password(Some(PASSWORD))).expect("a URL with a host");
        url.into()
    }

    /// The file with the CA certificate of a protected server.
    ///
    /// # Panics
    /// If the server is not protected.
    #[must_use]
    pub fn authority_file(&self) -> &Path {
        self.protection.as_ref().expect("a protected server").authority.file()
    }

    /// Changes the behaviour.
    ///
    /// # Panics
    /// If the server is gone.
    pub async fn set_mode(&self, mode: SmtpMode) {
        self.send_command(Some(mode)).await;
    }

    /// Sends a command, with or without a new mode, and waits for the confirmation. All earlier
    /// events have been read then.
    async fn send_command(&self, mode: Option<SmtpMode>) {
        let mut input = self.input.lock().await;
        let mut changed = self.state.changed.subscribe();
        let id = *changed.borrow() + 1;
        input.write(&json!({"id": id, "mode": mode.map(SmtpMode::name)})).await;
        let changed = timeout(TIME_LIMIT, changed.wait_for(|last| *last == id)).await;
        changed.expect("the server changes in time").expect("the state keeps the sender");
    }

    /// The received messages, oldest first.
    ///
    /// # Panics
    /// If the server is gone.
    pub async fn list_mails(&self) -> Vec<ReceivedMail> {
        self.send_command(None).await;
        self.state.mails.borrow().clone()
    }

    /// The number of accepted connections, including those that the server closed.
    ///
    /// # Panics
    /// If the server is gone.
    pub async fn count_connections(&self) -> usize {
        self.send_command(None).await;
        *locked(&self.state.connections)
    }

    /// Waits until at least `count` messages have arrived, and returns all of them.
    ///
    /// # Panics
    /// If they do not arrive within 20 seconds.
    pub async fn wait_for_mails(&self, count: usize) -> Vec<ReceivedMail> {
        let mut mails = self.state.mails.subscribe();
        let arrived = timeout(TIME_LIMIT, mails.wait_for(|mails| mails.len() >= count)).await;
        arrived
            .unwrap_or_else(|_| panic!("fewer than {count} mails arrived: {:?}", self.state.mails.borrow()))
            .expect("the server keeps the sender")
            .clone()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Protection {
    fn create() -> Self {
        let authority = Authority::create();
        let Issued { certificate, key } = authority.issue();
        let setup = json!({
            "tls": {"key": key, "cert": certificate},
            "user": {"name": USER, "password": PASSWORD},
        });
        Self { authority, setup }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of a harness lock panics")
}

/// Records the events of the server until it ends.
async fn follow(mut lines: Lines<BufReader<ChildStdout>>, state: Arc<State>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let event: Value = serde_json::from_str(&line).expect("an event");
        match event["event"].as_str() {
            Some("connection") => *locked(&state.connections) += 1,
            Some("changed") => {
                let id = event["id"].as_u64().expect("a number");
                state.changed.send_modify(|last| *last = id);
            }
            Some("mail") => {
                let mail = received(&event);
                state.mails.send_modify(|mails| mails.push(mail));
            }
            _ => panic!("unknown event of the SMTP server: {line}"),
        }
    }
}

fn received(event: &Value) -> ReceivedMail {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    ReceivedMail {
        from: text(&event["from"]).unwrap_or_default(),
        to: event["to"].as_array().into_iter().flatten().filter_map(text).collect(),
        data: text(&event["data"]).unwrap_or_default(),
        encrypted: event["encrypted"].as_bool().unwrap_or_default(),
        user: text(&event["user"]),
    }
}
