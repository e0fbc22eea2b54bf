//! What the benchmarks over HTTP share: a server in this process, and a load on it.

use std::{
    error::Error,
    net::SocketAddr,
    time::{Duration, Instant},
};

use ro_co_server::{
    Service,
    http_server::{HttpLimits, HttpServer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long a load lasts, after a second of warming up.
const TIME: Duration = Duration::from_secs(5);
/// Connections at a time, one request after the other on each.
pub(crate) const CONNECTIONS: u32 = 32;

/// Serves on a free port for as long as the process runs.
pub(crate) async fn serve(service: Service) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(HttpServer::new(service, HttpLimits::default()).serve(listener, std::future::pending()));
    Ok(address)
}

pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// What a load came to.
pub(crate) struct Load(Vec<Duration>);

impl Load {
    /// Answers a second.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(crate) fn rate(&self) -> f64 {
        self.0.len() as f64 / TIME.as_secs_f64()
    }

    /// The time that so many of a hundred answers did not exceed, in milliseconds.
    pub(crate) fn percentile(&self, part: usize) -> f64 {
        self.0[self.0.len() * part / 100].as_secs_f64() * 1000.0
    }
}

/// Sends this request again and again.
pub(crate) async fn load(address: SocketAddr, request: &[u8]) -> Outcome<Load> {
    let start = Instant::now() + Duration::from_secs(1);
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let request = request.to_vec();
        connections.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut times = Vec::new();
            while start.elapsed() < TIME {
                let sent = Instant::now();
                exchange(&mut stream, &request).await?;
                if sent >= start {
                    times.push(sent.elapsed());
                }
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(times)
        });
    }
    let mut all = Vec::new();
    while let Some(times) = connections.join_next().await {
        all.extend(times??);
    }
    all.sort_unstable();
    Ok(Load(all))
}

/// Sends a request and returns the answer's body, which must be a success with a length.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Outcome<Vec<u8>> {
    stream.write_all(request).await?;
    let mut answer = Vec::with_capacity(16 * 1024);
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err("the server hung up".into());
        }
        let Some(end) = answer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
        if !head.starts_with("http/1.1 20") {
            return Err(head.into());
        }
        let length = head.lines().find_map(|l| l.strip_prefix("content-length:")).ok_or("no length")?;
        let whole = end + 4 + length.trim().parse::<usize>()?;
        if answer.len() >= whole {
            return Ok(answer.split_off(end + 4));
        }
    }
}
