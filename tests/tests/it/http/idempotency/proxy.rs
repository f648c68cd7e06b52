//! A proxy in front of PostgreSQL that loses the commit of one transaction, or its
//! confirmation.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::AbortHandle,
};
use url::Url;

/// The loss of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// The commit does not reach the server; the connection is closed.
    Commit,
    /// The server commits; the connection is closed before the confirmation.
    Confirmation,
    /// The server commits; the confirmation never arrives, and the connection stays open.
    SilentConfirmation,
    /// The server commits and confirms; then no connection carries data, as if the client's
    /// process had died.
    Everything,
}

/// The planned loss, for the transaction with this statement.
#[derive(Clone, Copy, Debug)]
struct Plan {
    statement: &'static str,
    loss: Loss,
}

/// A proxy that listens until it is dropped.
pub(super) struct LosingProxy {
    port: u16,
    plan: Arc<Mutex<Option<Plan>>>,
    dead: watch::Sender<bool>,
    accepting: AbortHandle,
}

impl Drop for LosingProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl LosingProxy {
    /// Starts a proxy for the server of this URL.
    pub(super) async fn start(url: &str) -> Self {
        let url = Url::parse(url).expect("a URL");
        let target = (url.host_str().expect("a host").to_owned(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let plan = Arc::new(Mutex::new(None));
        let (dead, death) = watch::channel(false);
        let accepting = {
            let (plan, dead) = (plan.clone(), dead.clone());
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    let Ok(server) = TcpStream::connect((target.0.as_str(), target.1)).await else {
                        continue;
                    };
                    let link = Link { plan: plan.clone(), dead: dead.clone(), death: death.clone() };
                    tokio::spawn(link.join(client, server));
                }
            })
        };
        Self { port, plan, dead, accepting: accepting.abort_handle() }
    }

    /// The URL through the proxy.
    pub(super) fn url(&self, url: &str) -> String {
        let mut url = Url::parse(url).expect("a URL");
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(self.port)).expect("a port");
        url.into()
    }

    /// Plans a loss for the next transaction with this statement.
    pub(super) fn lose(&self, loss: Loss, statement: &'static str) {
        *self.plan.lock().expect("the plan") = Some(Plan { statement, loss });
    }

    /// Lets new connections pass again.
    pub(super) fn revive(&self) {
        self.dead.send_replace(false);
    }
}

struct Link {
    plan: Arc<Mutex<Option<Plan>>>,
    dead: watch::Sender<bool>,
    death: watch::Receiver<bool>,
}

impl Link {
    async fn join(self, client: TcpStream, server: TcpStream) {
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let mut death = self.death.clone();
        let (lost, loss) = watch::channel(None);
        tokio::select! {
            () = self.ask(from_client, to_server, lost) => {}
            () = answer(from_server, to_client, loss, &self.dead) => {}
            dead = death.wait_for(|dead| *dead) => drop(dead),
        }
    }

    /// Forwards the client's data until the planned loss.
    async fn ask(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lost: watch::Sender<Option<Loss>>) {
        let mut buffer = vec![0; 64 * 1024];
        let mut marked = false;
        while let Ok(count) = from.read(&mut buffer).await {
            let asked = &buffer[..count];
            if count == 0 {
                return;
            }
            let plan = *self.plan.lock().expect("the plan");
            if let Some(Plan { statement, loss }) = plan {
                marked |= contains(asked, statement);
                if marked && contains(asked, "COMMIT") {
                    *self.plan.lock().expect("the plan") = None;
                    if loss == Loss::Commit {
                        return;
                    }
                    lost.send_replace(Some(loss));
                }
            }
            if to.write_all(asked).await.is_err() {
                return;
            }
        }
    }
}

/// Forwards the server's data, except for the planned loss.
async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    loss: watch::Receiver<Option<Loss>>,
    dead: &watch::Sender<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        let loss = *loss.borrow();
        match loss {
            Some(Loss::Confirmation) => return,
            Some(Loss::SilentConfirmation) => return std::future::pending().await,
            Some(Loss::Commit | Loss::Everything) | None => {}
        }
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        if loss == Some(Loss::Everything) {
            dead.send_replace(true);
            return;
        }
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
