//! A load generator: keep-alive connections, a thread each, one request after the other.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The result of a run.
pub(crate) struct Load {
    /// Responses per second.
    pub(crate) per_second: f64,
    /// Median latency (milliseconds).
    pub(crate) p50_ms: f64,
    /// 99th percentile of the latency (milliseconds).
    pub(crate) p99_ms: f64,
}

/// When a run ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After this time.
    Time(Duration),
    /// After this many requests.
    Count(usize),
}

/// Sends `request(n)` for a running number `n` on this many connections; every response must have the status.
pub(crate) fn run(
    server: SocketAddr,
    connections: usize,
    until: Until,
    status: u16,
    request: impl Fn(usize) -> Vec<u8> + Sync,
) -> Load {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let mut times = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| one(server, until, status, &request, &next, start)))
            .collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect::<Vec<Duration>>()
    });
    let took = start.elapsed();
    times.sort_unstable();
    let at = |per_mille: usize| {
        times[(times.len() * per_mille / 1000).min(times.len() - 1)].as_secs_f64() * 1000.0
    };
    Load { per_second: count(times.len()) / took.as_secs_f64(), p50_ms: at(500), p99_ms: at(990) }
}

fn one(
    server: SocketAddr,
    until: Until,
    status: u16,
    request: &impl Fn(usize) -> Vec<u8>,
    next: &AtomicUsize,
    start: Instant,
) -> Vec<Duration> {
    let mut connection = Connection::open(server);
    let mut times = Vec::new();
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let over = match until {
            Until::Time(limit) => start.elapsed() >= limit,
            Until::Count(limit) => n >= limit,
        };
        if over {
            return times;
        }
        let bytes = request(n);
        let sent = Instant::now();
        let answered = connection.exchange(&bytes);
        times.push(sent.elapsed());
        assert_eq!(answered, status, "{}", String::from_utf8_lossy(&connection.buffer));
    }
}

/// One connection with a reused buffer.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(64 << 10) }
    }

    /// Sends a request and reads one complete response of known length; returns its status.
    fn exchange(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).unwrap();
        self.buffer.clear();
        let mut chunk = [0; 16 << 10];
        let mut whole = None;
        while whole.is_none_or(|length| self.buffer.len() < length) {
            let n = self.stream.read(&mut chunk).unwrap();
            assert!(n > 0, "the server closed the connection");
            self.buffer.extend_from_slice(&chunk[..n]);
            whole = whole.or_else(|| length_of(&self.buffer));
        }
        std::str::from_utf8(&self.buffer[9..12]).unwrap().parse().unwrap()
    }
}

/// The length of head and body together, once the head is there.
pub(crate) fn length_of(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).unwrap().to_ascii_lowercase();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    Some(head + body.unwrap_or(0_usize))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of requests are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}
