//! A small SMTP server that keeps what it is sent.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How the server treats what comes; it can be changed while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpMode {
    /// Takes every message.
    Accept,
    /// Refuses every recipient for good, with 550.
    Reject,
    /// Refuses each recipient with 451 the first time, then takes it.
    Greylist,
    /// Closes every connection before the greeting.
    HangUp,
    /// Takes the message and closes the connection without an answer: the sender
    /// cannot know that it arrived.
    HangUpAfterData,
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
}

/// A running server; it ends when the value is dropped.
pub struct FakeSmtp {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    mode: Mutex<SmtpMode>,
    greylisted: Mutex<HashSet<String>>,
    connections: Mutex<usize>,
    mails: watch::Sender<Vec<ReceivedMail>>,
}

impl FakeSmtp {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start(mode: SmtpMode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port for SMTP");
        let address = listener.local_addr().expect("the listener has an address");
        let state = Arc::new(State {
            mode: Mutex::new(mode),
            greylisted: Mutex::default(),
            connections: Mutex::new(0),
            mails: watch::Sender::new(Vec::new()),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *locked(&shared.connections) += 1;
                let state = Arc::clone(&shared);
                tokio::spawn(async move { converse(stream, &state).await });
            }
        });
        Self { address, state, task }
    }

    /// `smtp://` URL without encryption or sign-in.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Treats what comes from now on in another way.
    pub fn set_mode(&self, mode: SmtpMode) {
        *locked(&self.state.mode) = mode;
    }

    /// What arrived so far, oldest first.
    #[must_use]
    pub fn list_mails(&self) -> Vec<ReceivedMail> {
        self.state.mails.borrow().clone()
    }

    /// Connections taken so far, those that it hung up included.
    #[must_use]
    pub fn count_connections(&self) -> usize {
        *locked(&self.state.connections)
    }

    /// Waits until at least `count` messages arrived and answers all of them.
    ///
    /// # Panics
    /// If they do not arrive within 20 seconds.
    pub async fn wait_for_mails(&self, count: usize) -> Vec<ReceivedMail> {
        let mut mails = self.state.mails.subscribe();
        let arrived = timeout(Duration::from_secs(20), mails.wait_for(|mails| mails.len() >= count)).await;
        arrived
            .unwrap_or_else(|_| panic!("fewer than {count} mails arrived: {:?}", self.list_mails()))
            .expect("the server keeps the sender")
            .clone()
    }
}

impl Drop for FakeSmtp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of a harness lock panics")
}

async fn converse(stream: TcpStream, state: &State) {
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).lines();
    if *locked(&state.mode) == SmtpMode::HangUp || output.write_all(b"220 fake ESMTP\r\n").await.is_err() {
        return;
    }
    let mut envelope = Envelope::default();
    while let Ok(Some(line)) = lines.next_line().await {
        let reply = state.reply(&mut envelope, &line);
        if output.write_all(format!("{reply}\r\n").as_bytes()).await.is_err() || reply.starts_with("221") {
            return;
        }
        if reply.starts_with("354") {
            let mut data = String::new();
            loop {
                let Ok(Some(line)) = lines.next_line().await else { return };
                if line == "." {
                    break;
                }
                data.push_str(line.strip_prefix('.').unwrap_or(&line));
                data.push_str("\r\n");
            }
            let Envelope { from, to } = std::mem::take(&mut envelope);
            state.mails.send_modify(|mails| mails.push(ReceivedMail { from, to, data }));
            let hang_up = *locked(&state.mode) == SmtpMode::HangUpAfterData;
            if hang_up || output.write_all(b"250 2.0.0 taken\r\n").await.is_err() {
                return;
            }
        }
    }
}

#[derive(Default)]
struct Envelope {
    from: String,
    to: Vec<String>,
}

impl State {
    fn reply(&self, envelope: &mut Envelope, line: &str) -> &'static str {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => "250-fake\r\n250-8BITMIME\r\n250 SMTPUTF8",
            "HELO" | "NOOP" => "250 2.0.0 well",
            "MAIL" => {
                *envelope = Envelope { from: address_in(line), to: Vec::new() };
                "250 2.1.0 well"
            }
            "RCPT" => self.reply_to_recipient(envelope, address_in(line)),
            "DATA" if envelope.to.is_empty() => "503 5.5.1 no recipient",
            "DATA" => "354 end with a dot",
            "RSET" => {
                *envelope = Envelope::default();
                "250 2.0.0 well"
            }
            "QUIT" => "221 2.0.0 bye",
            _ => "502 5.5.2 unknown",
        }
    }

    fn reply_to_recipient(&self, envelope: &mut Envelope, address: String) -> &'static str {
        match *locked(&self.mode) {
            SmtpMode::Reject => "550 5.1.1 no such mailbox",
            SmtpMode::Greylist if locked(&self.greylisted).insert(address.clone()) => {
                "451 4.7.1 come back later"
            }
            _ => {
                envelope.to.push(address);
                "250 2.1.5 well"
            }
        }
    }
}

/// `a@b` of `RCPT TO:<a@b> SIZE=1`.
fn address_in(line: &str) -> String {
    let rest = line.split_once('<').map_or("", |(_, rest)| rest);
    rest.split('>').next().unwrap_or_default().to_owned()
}
