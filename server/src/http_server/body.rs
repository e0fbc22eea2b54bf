//! Bodies: of requests, with a read timeout; of responses, with what they hold until they are written.

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
use ro_co_shared::Code;
use tokio::time::{Sleep, sleep};

use super::connection_state::ConnectionState;
use crate::{admission::RequestAdmission, request_record::RequestRecord};

/// A request body that fails with [`io::ErrorKind::TimedOut`] unless all of it arrives within a timeout, which starts
/// with the first read.
pub(super) struct TimeoutBody {
    inner: BoxBody<Bytes, io::Error>,
    timeout: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    progress: BodyProgress,
    record: RequestRecord,
}

/// How far a request body has been read.
#[derive(Clone, Default)]
pub(super) struct BodyProgress(Arc<AtomicBool>);

impl BodyProgress {
    /// Whether the body was read to its end.
    pub(super) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl TimeoutBody {
    pub(super) fn new(
        inner: BoxBody<Bytes, io::Error>,
        timeout: Duration,
        progress: BodyProgress,
        record: RequestRecord,
    ) -> Self {
        Self { inner, timeout, deadline: None, progress, record }
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
            // Whatever the handler makes of the error.
            this.record.replace(Code::Timeout.status());
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        let frame = Pin::new(&mut this.inner).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || this.inner.is_end_stream() {
            this.progress.0.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A response body. When hyper has taken all of it, its admission passes to the connection, which keeps it until the
/// socket has taken all of it as well.
pub(super) struct ResponseBody {
    inner: BoxBody<Bytes, io::Error>,
    admission: Option<Arc<RequestAdmission>>,
    connection: Arc<ConnectionState>,
}

impl ResponseBody {
    pub(super) fn new(
        inner: BoxBody<Bytes, io::Error>,
        admission: Arc<RequestAdmission>,
        connection: Arc<ConnectionState>,
    ) -> Self {
        Self { inner, admission: Some(admission), connection }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            self.connection.response_taken(admission);
        }
    }
}
