//! A TCP proxy whose connections can be stalled: they stay open but carry no data, as if the
//! network dropped all packets.

use std::sync::{Arc, Mutex};

use tokio::{
    io,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A proxy that runs until it is dropped.
pub(super) struct Proxy {
    /// `host:port` that it listens on.
    pub(super) address: String,
    stall: Arc<Mutex<CancellationToken>>,
    _end: DropGuard,
}

impl Proxy {
    /// Starts a proxy for `target`, a `host:port`.
    pub(super) async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let stall = Arc::new(Mutex::new(CancellationToken::new()));
        let (end, current) = (CancellationToken::new(), stall.clone());
        tokio::spawn(end.clone().run_until_cancelled_owned(async move {
            while let Ok((client, _)) = listener.accept().await {
                let stalled = current.lock().expect("the stall").clone();
                tokio::spawn(forward(client, target.clone(), stalled));
            }
        }));
        Self { address, stall, _end: end.drop_guard() }
    }

    /// Stalls all open connections permanently. New ones work.
    pub(super) fn stall(&self) {
        let mut current = self.stall.lock().expect("the stall");
        std::mem::replace(&mut *current, CancellationToken::new()).cancel();
    }
}

async fn forward(mut client: TcpStream, target: String, stalled: CancellationToken) {
    let Ok(mut server) = TcpStream::connect(&target).await else { return };
    let copied = stalled.run_until_cancelled(io::copy_bidirectional(&mut client, &mut server)).await;
    if copied.is_none() {
        // Both ends stay open.
        std::future::pending::<()>().await;
    }
}
