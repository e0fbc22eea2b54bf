//! Clients of different IP addresses: all of 127.0.0.0/8 is this machine.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{interval, timeout},
};

/// How long a client waits for one response.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection from this IP address, with a receive buffer of this size where one is given.
pub(super) async fn connect(
    server: SocketAddr,
    from: Ipv4Addr,
    receive_buffer: Option<u32>,
) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(size) = receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    socket.bind((from, 0).into())?;
    socket.connect(server).await
}

/// Sends one request on a connection and reads the whole response; its status.
pub(super) async fn exchange(stream: &mut TcpStream, request: &[u8]) -> io::Result<u16> {
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    let mut whole = None;
    while whole.is_none_or(|length| answer.len() < length) {
        let n = stream.read(&mut chunk).await?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&chunk[..n]);
        whole = whole.or_else(|| crate::load::length_of(&answer));
    }
    std::str::from_utf8(&answer[9..12])
        .ok()
        .and_then(|s| s.parse().ok())
        .ok_or(io::ErrorKind::InvalidData.into())
}

/// What others got meanwhile.
#[derive(Default)]
pub(super) struct Others {
    times: Vec<Duration>,
    refused: usize,
    failed: usize,
}

impl Others {
    /// `p50 ms`, `p99 ms`, the number of responses, of 503, and of anything else but 200.
    pub(super) fn row(&mut self, what: &str) {
        self.times.sort_unstable();
        let at = |per_mille: usize| {
            let index = (self.times.len() * per_mille / 1000).min(self.times.len().saturating_sub(1));
            self.times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        let value = format!("{} x 503, {} failed", self.refused, self.failed);
        println!("{what:<58} {value:>24} {:>9.1} {:>9.1} of {}", at(500), at(990), self.times.len());
    }
}

/// Eight clients of other IP addresses send this request twenty times a second each, for as long as `time`.
pub(super) async fn others(server: SocketAddr, time: Duration, request: impl Fn(u8) -> Vec<u8>) -> Others {
    let mut clients = JoinSet::new();
    for n in 0..8_u8 {
        clients.spawn(one(server, Ipv4Addr::new(127, 0, 1, 1 + n), time, request(n)));
    }
    let mut all = Others::default();
    while let Some(one) = clients.join_next().await {
        let one = one.unwrap();
        all.times.extend(one.times);
        all.refused += one.refused;
        all.failed += one.failed;
    }
    all
}

async fn one(server: SocketAddr, from: Ipv4Addr, time: Duration, request: Vec<u8>) -> Others {
    let mut result = Others::default();
    let mut stream = None;
    let mut tick = interval(Duration::from_millis(50));
    let start = Instant::now();
    while start.elapsed() < time {
        tick.tick().await;
        let sent = Instant::now();
        let answered = timeout(PATIENCE, async {
            if stream.is_none() {
                stream = Some(connect(server, from, None).await?);
            }
            exchange(stream.as_mut().unwrap(), &request).await
        });
        let status = answered.await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        result.times.push(sent.elapsed());
        match status {
            Ok(200) => {}
            Ok(503) => result.refused += 1,
            _ => result.failed += 1,
        }
        if !matches!(status, Ok(200)) {
            stream = None;
        }
    }
    result
}
