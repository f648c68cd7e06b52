//! The socket of a connection, whose reads and writes are noted.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
    time,
};

use super::timer::ConnectionTimer;

/// Bytes of an answer that the system takes before the client does; it would take
/// megabytes by itself. With so few a slow client shows progress, and one that takes
/// nothing holds no more of the system's memory.
#[cfg(target_os = "linux")]
const SENDING: usize = 128 * 1_024;

/// Most bytes that are read only to be thrown away.
const DISCARDED: usize = 8 * 1_024 * 1_024;

pub(super) struct MonitoredStream {
    stream: TcpStream,
    timer: ConnectionTimer,
}

impl MonitoredStream {
    /// Sets up the socket. The system gives up a client that takes nothing for as long as
    /// `write`, also where the process has written everything already.
    pub(super) fn new(stream: TcpStream, timer: ConnectionTimer, write: Duration) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small answers may be late");
        }
        if let Err(error) = bound(&stream, write) {
            tracing::debug!(%error, "the system does not bound the wait for a client");
        }
        Self { stream, timer }
    }

    /// Reads what the client still sends until it ends, for a while. A socket that is
    /// closed with something unread resets the connection, and the client may lose the
    /// answer (RFC 9112, section 9.6).
    pub(super) async fn linger(mut self, longest: Duration) {
        let discarding = async {
            let (mut bytes, mut left) = (vec![0; 16 * 1_024], DISCARDED);
            while let Ok(count @ 1..) = self.stream.read(&mut bytes).await
                && left > count
            {
                left -= count;
            }
        };
        let _in_time = time::timeout(longest, discarding).await;
    }
}

#[cfg(target_os = "linux")]
fn bound(stream: &TcpStream, write: Duration) -> io::Result<()> {
    use rustix::net::sockopt;
    sockopt::set_socket_send_buffer_size(stream, SENDING)?;
    sockopt::set_tcp_user_timeout(stream, u32::try_from(write.as_millis()).unwrap_or(u32::MAX))?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn bound(_: &TcpStream, _: Duration) -> io::Result<()> {
    Ok(())
}

impl AsyncRead for MonitoredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.timer.hear();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MonitoredStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.timer.note_write(written.is_pending());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
