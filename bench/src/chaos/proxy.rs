//! A TCP proxy in front of a server that injects faults of networks.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time,
};
use tokio_util::task::AbortOnDropHandle;

/// The proxy's present behavior. Connections are numbered in the order in which they open.
#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    /// The server's port of the loopback address.
    target: u16,
    /// Nothing passes.
    stalled: bool,
    /// Connections below this number are closed.
    cut_below: u64,
    /// Connections below this number stay open for the client, and carry no more data.
    blackholed_below: u64,
}

impl Gate {
    const fn cuts(self, number: u64) -> bool {
        number < self.cut_below
    }

    const fn blackholes(self, number: u64) -> bool {
        number < self.blackholed_below
    }
}

/// After how long a server notices that the client of a lost connection is gone, as by
/// TCP keepalives. The client is never told.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A proxy that listens until it is dropped.
#[derive(Debug)]
pub(super) struct Proxy {
    port: u16,
    gate: watch::Sender<Gate>,
    next: Arc<AtomicU64>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of this port of the loopback address.
    pub(super) async fn start(target: u16) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot open a port for a proxy")?;
        let port = listener.local_addr()?.port();
        let (gate, passing) = watch::channel(Gate { target, ..Gate::default() });
        let next = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn(accept(listener, next.clone(), passing));
        Ok(Self { port, gate, next, _accepting: AbortOnDropHandle::new(accepting) })
    }

    /// Where it listens.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Closes every connection.
    pub(super) fn cut(&self) {
        let below = self.next.load(Ordering::SeqCst);
        self.gate.send_modify(|gate| gate.cut_below = below);
    }

    /// Switches to another server. Connections to the previous one are closed.
    pub(super) fn retarget(&self, target: u16) {
        self.gate.send_modify(|gate| gate.target = target);
        self.cut();
    }

    /// Holds all data back until [`Proxy::resume`]. New connections are accepted and wait.
    pub(super) fn stall(&self) {
        self.gate.send_modify(|gate| gate.stalled = true);
    }

    /// Forwards the data that was held back.
    pub(super) fn resume(&self) {
        self.gate.send_modify(|gate| gate.stalled = false);
    }

    /// Drops all data of open connections from now on without closing them, as a firewall
    /// does that has forgotten them.
    pub(super) fn blackhole(&self) {
        let below = self.next.load(Ordering::SeqCst);
        self.gate.send_modify(|gate| gate.blackholed_below = below);
    }
}

async fn accept(listener: TcpListener, next: Arc<AtomicU64>, gate: watch::Receiver<Gate>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let number = next.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(join(client, number, gate.clone()));
    }
}

/// Forwards one connection until either end closes it or it is cut.
async fn join(client: TcpStream, number: u64, mut gate: watch::Receiver<Gate>) {
    if gate.wait_for(|gate| gate.cuts(number) || !gate.stalled).await.is_err() {
        return;
    }
    let target = gate.borrow().target;
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    // The proxy must add no latency.
    if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
        return;
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut fate = gate.clone();
    tokio::select! {
        () = pump(&mut from_client, &mut to_server, number, gate.clone()) => return,
        () = pump(&mut from_server, &mut to_client, number, gate.clone()) => return,
        cut = gate.wait_for(|gate| gate.cuts(number)) => return drop(cut),
        lost = fate.wait_for(|gate| gate.blackholes(number)) => drop(lost),
    }
    tokio::join!(forget_client(from_client), async {
        time::sleep(KEEPALIVE).await;
        drop((from_server, to_server));
    });
}

/// Reads what the client sends, and answers nothing, until the client closes.
async fn forget_client(mut client: OwnedReadHalf) {
    let mut buffer = [0; 1024];
    while client.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

async fn pump(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    number: u64,
    mut gate: watch::Receiver<Gate>,
) {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let read = from.read(&mut buffer).await;
        if gate.wait_for(|gate| !gate.stalled).await.is_err() || gate.borrow().blackholes(number) {
            return std::future::pending().await;
        }
        match read {
            Ok(count) if count > 0 => {
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
            _ended => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    /// An echo server.
    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    let _ended = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        port
    }

    async fn connect(proxy: &Proxy) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.expect("a connection")
    }

    /// Whether a byte is echoed; none where there is no answer.
    async fn answers(stream: &mut TcpStream) -> Option<bool> {
        let asked = async {
            stream.write_all(b"?").await.ok()?;
            let mut byte = [0];
            stream.read_exact(&mut byte).await.ok()
        };
        Some(timeout(Duration::from_millis(300), asked).await.ok()?.is_some())
    }

    #[tokio::test]
    async fn forwards_data() {
        let proxy = Proxy::start(echo().await).await.expect("a proxy");

        assert_eq!(answers(&mut connect(&proxy).await).await, Some(true));
    }

    #[tokio::test]
    async fn cuts_open_connections_and_takes_new_ones() {
        let proxy = Proxy::start(echo().await).await.expect("a proxy");
        let mut open = connect(&proxy).await;
        assert_eq!(answers(&mut open).await, Some(true));

        proxy.cut();

        assert_eq!(answers(&mut open).await, Some(false));
        assert_eq!(answers(&mut connect(&proxy).await).await, Some(true));
    }

    #[tokio::test]
    async fn holds_everything_up_while_it_is_stalled() {
        let proxy = Proxy::start(echo().await).await.expect("a proxy");
        let mut open = connect(&proxy).await;
        assert_eq!(answers(&mut open).await, Some(true));

        proxy.stall();
        assert_eq!(answers(&mut open).await, None);
        proxy.resume();

        let mut byte = [0];
        assert_eq!(open.read_exact(&mut byte).await.expect("the byte that was held up"), 1);
    }

    #[tokio::test]
    async fn switches_to_another_server_and_closes_open_connections() {
        let proxy = Proxy::start(echo().await).await.expect("a proxy");
        let mut open = connect(&proxy).await;
        assert_eq!(answers(&mut open).await, Some(true));

        let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = gone.local_addr().expect("an address").port();
        drop(gone);
        proxy.retarget(port);
        assert_eq!(answers(&mut open).await, Some(false));
        assert_eq!(answers(&mut connect(&proxy).await).await, Some(false), "nobody listens there");
        proxy.retarget(echo().await);

        assert_eq!(answers(&mut connect(&proxy).await).await, Some(true));
    }

    #[tokio::test]
    async fn lost_connections_stay_silent_and_open() {
        let proxy = Proxy::start(echo().await).await.expect("a proxy");
        let mut open = connect(&proxy).await;
        assert_eq!(answers(&mut open).await, Some(true));

        proxy.blackhole();

        assert_eq!(answers(&mut open).await, None);
        assert_eq!(answers(&mut connect(&proxy).await).await, Some(true));
    }
}
