//! A socket with a write timeout and a lingering close.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::{HttpLimits, connection_state::ConnectionState, stream::Stream};

/// Size of the buffer for discarded input in bytes.
const DISCARD_BYTES: usize = 8 * 1024;

/// A stream with its write and linger timeouts.
pub(super) struct Socket {
    stream: Stream,
    state: Arc<ConnectionState>,
    write_timeout: Duration,
    response_timeout: Duration,
    /// When the response that is being written began.
    started: Option<Instant>,
    stalled: Option<Pin<Box<Sleep>>>,
    linger: Duration,
    lingering: Option<Pin<Box<Sleep>>>,
    stopping: watch::Receiver<bool>,
}

impl Socket {
    pub(super) fn new(
        stream: Stream,
        limits: &HttpLimits,
        state: Arc<ConnectionState>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            stream,
            state,
            write_timeout: limits.write_timeout,
            response_timeout: limits.response_timeout,
            started: None,
            stalled: None,
            linger: limits.linger,
            lingering: None,
            stopping,
        }
    }

    /// Passes on the result of a write, unless writing made no progress for the write timeout, or the response has taken
    /// longer than the response timeout.
    fn check_write_timeout(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        let deadline = *self.started.get_or_insert(now) + self.response_timeout;
        if written.is_ready() && now < deadline {
            self.stalled = None;
            return written;
        }
        let next = deadline.min(now + self.write_timeout);
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(next)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Discards input until the client closes the connection or the linger timeout is over.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger;
        let lingering = self.lingering.get_or_insert_with(|| Box::pin(sleep(linger)));
        loop {
            if lingering.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut space = [0; DISCARD_BYTES];
            let mut buffer = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, data);
        self.check_write_timeout(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, data);
        self.check_write_timeout(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Hyper calls this when everything it had was written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.started = None;
        self.state.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        let stopping = *self.stopping.borrow();
        if !stopping {
            ready!(self.poll_discard(cx));
        }
        Poll::Ready(Ok(()))
    }
}
