//! Request bodies with a read timeout.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// A request body that fails with [`io::ErrorKind::TimedOut`] unless all of it arrives within a timeout, which starts with the
/// first read.
pub(super) struct TimeoutBody {
    inner: BoxBody<Bytes, io::Error>,
    timeout: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    timed_out: TimedOut,
}

/// Whether a request body timed out: the response is 408 then, whatever the handler makes of the error.
#[derive(Clone, Default)]
pub(super) struct TimedOut(Arc<AtomicBool>);

impl TimedOut {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl TimeoutBody {
    pub(super) fn new(inner: BoxBody<Bytes, io::Error>, timeout: Duration, timed_out: TimedOut) -> Self {
        Self { inner, timeout, deadline: None, timed_out }
    }
}

impl Body for TimeoutBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let timeout = this.timeout;
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
        // The deadline first: a client that always has one more byte ready would otherwise never time out.
        if deadline.as_mut().poll(cx).is_ready() {
            this.timed_out.0.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        Pin::new(&mut this.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
