//! The bounded queue between those who log and the thread that writes.

use std::{
    io::{self, ErrorKind, Write},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use super::ACCESS;

/// Maximum bytes queued before access lines are dropped.
const MAX_ACCESS_BYTES: usize = 1 << 20;
/// Maximum bytes queued before all lines are dropped: other lines keep their place beside a flood of requests.
const MAX_BYTES: usize = 2 << 20;
/// Pause before a write to a non-blocking standard error is repeated.
const RETRY: Duration = Duration::from_millis(10);

/// Whole lines that wait to be written.
#[derive(Default)]
pub(super) struct LogQueue {
    state: Mutex<QueueState>,
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct QueueState {
    bytes: Vec<u8>,
    closing: bool,
    finished: bool,
}

impl LogQueue {
    /// A queue with its thread, which writes to `sink`.
    pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<Arc<Self>> {
        let queue = Arc::<Self>::default();
        let writing = Arc::clone(&queue);
        thread::Builder::new().name("log".into()).spawn(move || writing.write_all(sink))?;
        Ok(queue)
    }

    /// Lines dropped so far: the queue was full, or the sink failed.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Adds a whole line unless more than `max` bytes are queued with it.
    fn push(&self, line: &[u8], max: usize) {
        let mut state = self.state();
        if state.finished || state.bytes.len() + line.len() > max {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let was_empty = state.bytes.is_empty();
        state.bytes.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.changed.notify_all();
        }
    }

    /// Writes what is queued, for this long at most, and ends the thread.
    pub(super) fn close(&self, limit: Duration) {
        let mut state = self.state();
        state.closing = true;
        self.changed.notify_all();
        let finished = self.changed.wait_timeout_while(state, limit, |state| !state.finished);
        drop(finished);
    }

    fn write_all(&self, mut sink: impl Write) {
        let (mut batch, mut reported) = (Vec::new(), 0);
        while self.take(&mut batch) {
            if write(&mut sink, &batch).is_err() {
                let lines = batch.iter().map(|byte| u64::from(*byte == b'\n')).sum();
                self.dropped.fetch_add(lines, Ordering::Relaxed);
            } else if self.dropped() > reported {
                let lines = self.dropped() - reported;
                reported += lines;
                tracing::warn!(lines, "Log lines dropped");
            }
            batch.clear();
        }
    }

    /// Waits for lines and takes all of them; false once the queue is closed and empty.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let waiting = |state: &mut QueueState| state.bytes.is_empty() && !state.closing;
        let mut state =
            self.changed.wait_while(self.state(), waiting).unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.bytes, batch);
        if batch.is_empty() {
            state.finished = true;
            self.changed.notify_all();
        }
        !batch.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all of it, also to a descriptor that somebody has made non-blocking.
fn write(sink: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match sink.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
    sink.flush()
}

/// Where the log's lines are queued.
pub(super) struct Lines(pub(super) Arc<LogQueue>);

/// Takes one line at a time, as the formatter writes them.
pub(super) struct LineWriter<'a> {
    queue: &'a LogQueue,
    max: usize,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter { queue: &self.0, max: MAX_BYTES }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> LineWriter<'a> {
        let max = if event.target() == ACCESS { MAX_ACCESS_BYTES } else { MAX_BYTES };
        LineWriter { queue: &self.0, max }
    }
}

impl Write for LineWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(line, self.max);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Passes on what is written, a call at a time; each call waits for permission.
    struct Gated {
        permits: mpsc::Receiver<io::Result<()>>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.permits.recv().map_err(io::Error::other)??;
            self.written.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Arc<LogQueue>, mpsc::Sender<io::Result<()>>, mpsc::Receiver<Vec<u8>>) {
        let ((permit, permits), (written, output)) = (mpsc::channel(), mpsc::channel());
        (LogQueue::start(Gated { permits, written }).unwrap(), permit, output)
    }

    fn count(line: &[u8], times: usize, queue: &LogQueue, max: usize) -> u64 {
        let before = queue.dropped();
        (0..times).for_each(|_| queue.push(line, max));
        queue.dropped() - before
    }

    #[test]
    fn a_stuck_sink_costs_lines_and_never_time() {
        let (queue, permit, output) = gated();
        let line = [[b'x'; 1023].as_slice(), b"\n"].concat();
        // The thread may have taken any number of them before it got stuck in its first write.
        let dropped = count(&line, 3 * 1024, &queue, MAX_ACCESS_BYTES);
        assert!((1..=2048).contains(&dropped), "{dropped}");
        assert_eq!(count(&line, 512, &queue, MAX_BYTES), 0, "other lines have space of their own");
        drop(permit);
        queue.close(Duration::from_secs(10));
        assert_eq!(output.iter().count(), 0);
    }

    #[test]
    fn a_sink_that_fails_is_tried_again() {
        let (queue, permit, output) = gated();
        permit.send(Err(ErrorKind::BrokenPipe.into())).unwrap();
        queue.push(b"lost\n", MAX_BYTES);
        while queue.dropped() == 0 {
            thread::yield_now();
        }
        permit.send(Err(ErrorKind::WouldBlock.into())).unwrap();
        permit.send(Ok(())).unwrap();
        queue.push(b"written\n", MAX_BYTES);
        assert_eq!(output.recv().unwrap(), b"written\n");
    }

    #[test]
    fn closing_writes_what_is_queued() {
        let (queue, permit, output) = gated();
        (0..10).for_each(|_| permit.send(Ok(())).unwrap());
        queue.push(b"one\n", MAX_BYTES);
        queue.push(b"two\n", MAX_BYTES);
        queue.close(Duration::from_secs(10));
        drop(permit);
        assert_eq!(output.try_iter().flatten().collect::<Vec<_>>(), b"one\ntwo\n");
    }
}
