//! The socket of a connection, which reports its reads and writes to the timer.

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

/// Size of the socket's send buffer. The system's default is megabytes: with a small
/// buffer, progress of a slow client is visible, and a client that reads nothing holds
/// little memory.
#[cfg(target_os = "linux")]
const SEND_BUFFER: usize = 128 * 1_024;

/// Most bytes that are read and discarded before the socket is closed.
const MAX_DISCARDED: usize = 8 * 1_024 * 1_024;

pub(super) struct MonitoredStream {
    stream: TcpStream,
    timer: ConnectionTimer,
}

impl MonitoredStream {
    /// Configures the socket. The system closes a connection whose client acknowledges
    /// nothing for `write`, even after the process has written the whole response.
    pub(super) fn new(stream: TcpStream, timer: ConnectionTimer, write: Duration) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY is not set: small responses may be delayed");
        }
        if let Err(error) = set_limits(&stream, write) {
            tracing::debug!(%error, "the socket has no limits for a slow client");
        }
        Self { stream, timer }
    }

    /// Reads and discards what the client still sends, for at most `longest`. Closing a
    /// socket with unread bytes resets the connection, and the client may lose the response
    /// (RFC 9112, section 9.6).
    pub(super) async fn linger(mut self, longest: Duration) {
        let discarding = async {
            let (mut bytes, mut left) = (vec![0; 16 * 1_024], MAX_DISCARDED);
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
fn set_limits(stream: &TcpStream, write: Duration) -> io::Result<()> {
    use rustix::net::sockopt;
    sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER)?;
    sockopt::set_tcp_user_timeout(stream, u32::try_from(write.as_millis()).unwrap_or(u32::MAX))?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn set_limits(_: &TcpStream, _: Duration) -> io::Result<()> {
    Ok(())
}

impl AsyncRead for MonitoredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.timer.note_read();
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
