//! The body of a request, which reports to the timer while a handler waits for it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::timer::ConnectionTimer;

pub(super) struct MonitoredBody {
    body: Incoming,
    timer: ConnectionTimer,
    has_ended: bool,
}

impl MonitoredBody {
    pub(super) fn new(body: Incoming, timer: ConnectionTimer) -> Self {
        Self { body, timer, has_ended: false }
    }
}

impl Body for MonitoredBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.timer.note_body(frame.is_pending());
        self.has_ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for MonitoredBody {
    fn drop(&mut self) {
        self.timer.note_body(false);
        if !self.has_ended && !self.body.is_end_stream() {
            self.timer.leave_unread();
        }
    }
}
