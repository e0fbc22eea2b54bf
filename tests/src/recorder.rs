//! A recording proxy between client and server.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::http::Reply;

/// A request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The answer.
    pub reply: Reply,
}

#[derive(Default)]
struct State {
    stopped: AtomicBool,
    exchanges: Mutex<Vec<Exchange>>,
}

/// A recording proxy; it stops when dropped.
pub struct Recorder {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

impl Recorder {
    /// Listens on a free port and forwards to this server.
    pub fn before(server: SocketAddr) -> Self {
        Self::below("", server)
    }

    /// Forwards requests below this path, without the path, as a reverse proxy may; others are 404 and not recorded.
    pub fn below(base_path: &'static str, server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let recorder = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&recorder.state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if state.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let state = Arc::clone(&state);
                // A failed connection is closed, as it is without a recorder.
                thread::spawn(move || pass_on(&client, server, base_path, &state));
            }
        });
        recorder
    }

    /// Everything so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.state.exchanges.lock().unwrap().clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener, which then closes its port.
        let _ = TcpStream::connect(self.address);
    }
}

fn pass_on(client: &TcpStream, server: SocketAddr, base_path: &str, state: &State) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    let (mut requests, mut replies) = (BufReader::new(client), BufReader::new(&server));
    while let Some((first, headers)) = head(&mut requests)? {
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)];
        requests.read_exact(&mut body)?;
        let mut client = client;
        let (method, target) = first.split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
        let Some(target) = target.strip_prefix(base_path).filter(|target| target.starts_with('/')) else {
            client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let first = format!("{method} {target}");
        (&server).write_all(&message(&first, &headers, &body))?;
        let reply = Reply::read(&mut replies)?;
        let mut words = first.split(' ').map(str::to_owned);
        let (method, target) = words.next().zip(words.next()).ok_or(io::ErrorKind::InvalidData)?;
        let answer = answer(&reply);
        state.exchanges.lock().unwrap().push(Exchange { method, target, headers, body, reply });
        client.write_all(&answer)?;
    }
    Ok(())
}

/// The first line and the headers of a request; `None` at the connection's end.
#[expect(clippy::type_complexity, reason = "a line, and lines in two halves")]
fn head(from: &mut impl BufRead) -> io::Result<Option<(String, Vec<(String, String)>)>> {
    let mut lines = from.lines();
    let Some(first) = lines.next().transpose()? else { return Ok(None) };
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(Some((first, headers)))
}

fn message(first: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!("{first}\r\n{}\r\n", lines.collect::<String>());
    [head.as_bytes(), body].concat()
}

/// The response as forwarded: with a length, whatever its transfer coding was.
fn answer(reply: &Reply) -> Vec<u8> {
    let framing = ["transfer-encoding", "content-length"];
    let mut headers = reply.headers.clone();
    headers.retain(|(name, _)| !framing.contains(&name.as_str()));
    if reply.status != 304 {
        headers.push(("content-length".into(), reply.body.len().to_string()));
    }
    message(&format!("HTTP/1.1 {} Recorded", reply.status), &headers, &reply.body)
}
