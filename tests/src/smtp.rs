//! A real SMTP server, the package smtp-server of Node.js, that a test tells how to
//! behave. `scripts/node-packages` installs it; `tests/smtp/server.mjs` runs it.

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

const PATIENCE: Duration = Duration::from_secs(20);

/// How the server treats what comes; it can be changed while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpMode {
    /// Takes every message.
    Accept,
    /// Refuses every receiver for good: 550, no such mailbox.
    Reject,
    /// Refuses every receiver for good: 550, by a policy against the sender.
    RejectByPolicy,
    /// Refuses every message for good once it has read it: 554.
    RejectContent,
    /// Refuses every message for good once it has read it: 554, no such mailbox.
    RejectLate,
    /// Refuses each receiver with 451 the first time, then takes it.
    Greylist,
    /// Closes every connection before the greeting.
    HangUp,
    /// Closes the connection while it is sent a message.
    HangUpInData,
    /// Takes the message and closes the connection without an answer: the sender
    /// cannot know that it arrived.
    HangUpAfterData,
    /// Never answers to a receiver.
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

/// A message as it arrived.
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
    /// Who had signed in.
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
    /// Numbers of the last change of the mode, asked for and made.
    changed: watch::Sender<u64>,
}

/// What a server that encrypts and asks for a sign-in goes by.
struct Protection {
    authority: Authority,
    setup: Value,
}

const USER: &str = "ada@example.org";
const PASSWORD: &str = "a:strange/pass wörd";

impl SmtpServer {
    /// Starts a server on a free port that takes everything from everybody.
    ///
    /// # Panics
    /// If it does not start: `scripts/test` installs it.
    pub async fn start(mode: SmtpMode) -> Self {
        let server = Self::spawn(None).await;
        server.set_mode(mode).await;
        server
    }

    /// Starts a server that wants STARTTLS and a sign-in. Its certificate is of an
    /// authority of its own: [`Self::authority_file`].
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_protected() -> Self {
        Self::spawn(Some(Protection::create())).await
    }

    async fn spawn(protection: Option<Protection>) -> Self {
        let setup = protection.as_ref().map_or_else(|| json!({}), |protection| protection.setup.clone());
        let node = NodeServer::start("smtp", &[&setup.to_string()]).await;
        let NodeServer { told, input, lines, process } = node;
        let port = told["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        let state = Arc::new(State::default());
        let reader = tokio::spawn(follow(lines, Arc::clone(&state)));
        Self { port, state, input: input.into(), protection, reader, _process: process }
    }

    /// `smtp://` URL with what it takes to sign in.
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

    /// The file with the authority of a protected server's certificate.
    ///
    /// # Panics
    /// If the server is not protected.
    #[must_use]
    pub fn authority_file(&self) -> &Path {
        self.protection.as_ref().expect("a protected server").authority.file()
    }

    /// Treats what comes from now on in another way.
    ///
    /// # Panics
    /// If the server is gone.
    pub async fn set_mode(&self, mode: SmtpMode) {
        self.ask(Some(mode)).await;
    }

    /// Asks the server for something, no more than an answer where no mode is told,
    /// and waits until it has said that, and all that it had to say before.
    async fn ask(&self, mode: Option<SmtpMode>) {
        let mut input = self.input.lock().await;
        let mut changed = self.state.changed.subscribe();
        let id = *changed.borrow() + 1;
        input.write(&json!({"id": id, "mode": mode.map(SmtpMode::name)})).await;
        let changed = timeout(PATIENCE, changed.wait_for(|last| *last == id)).await;
        changed.expect("the server changes in time").expect("the state keeps the sender");
    }

    /// What arrived so far, oldest first.
    ///
    /// # Panics
    /// If the server is gone.
    pub async fn list_mails(&self) -> Vec<ReceivedMail> {
        self.ask(None).await;
        self.state.mails.borrow().clone()
    }

    /// Connections taken so far, those that it hung up included.
    ///
    /// # Panics
    /// If the server is gone.
    pub async fn count_connections(&self) -> usize {
        self.ask(None).await;
        *locked(&self.state.connections)
    }

    /// Waits until at least `count` messages arrived and answers all of them.
    ///
    /// # Panics
    /// If they do not arrive within 20 seconds.
    pub async fn wait_for_mails(&self, count: usize) -> Vec<ReceivedMail> {
        let mut mails = self.state.mails.subscribe();
        let arrived = timeout(PATIENCE, mails.wait_for(|mails| mails.len() >= count)).await;
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

/// Notes what the server tells, until it ends.
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
            _ => panic!("the SMTP server tells {line}"),
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
