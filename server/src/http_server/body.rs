//! A request's body that must arrive in time.

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

/// Fails with [`io::ErrorKind::TimedOut`] when the whole did not arrive within a time of the first read.
pub(super) struct TimelyBody {
    inner: BoxBody<Bytes, io::Error>,
    allowed: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    late: Lateness,
}

/// Whether a body was late; whatever the handler makes of the error, the answer is 408.
#[derive(Clone, Default)]
pub(super) struct Lateness(Arc<AtomicBool>);

impl Lateness {
    pub(super) fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl TimelyBody {
    pub(super) fn new(inner: BoxBody<Bytes, io::Error>, allowed: Duration, late: Lateness) -> Self {
        Self { inner, allowed, deadline: None, late }
    }
}

impl Body for TimelyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let allowed = this.allowed;
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(sleep(allowed)));
        // The clock first: a client that always has one more byte would otherwise never be late.
        if deadline.as_mut().poll(cx).is_ready() {
            this.late.0.store(true, Ordering::Relaxed);
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
