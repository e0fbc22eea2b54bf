//! A scripted HTTP server: a misbehaving avatar service, a hostile Ro-Co server.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// A request that the stub received.
#[derive(Clone, Debug)]
pub struct StubRequest {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
}

/// The stub's response.
#[derive(Clone, Debug)]
pub struct StubResponse {
    /// Such as `200 OK`.
    pub status: &'static str,
    /// The media type.
    pub kind: &'static str,
    /// Further header lines, each with CRLF.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

impl StubResponse {
    /// 200 with this body.
    pub fn ok(kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: "200 OK", kind, headers: String::new(), body: body.into() }
    }

    /// An empty 404.
    pub fn not_found() -> Self {
        Self { status: "404 Not Found", ..Self::ok("text/plain", "") }
    }
}

/// A listening stub; dropping it stops it.
pub struct Stub {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<StubRequest>>>,
    stopped: Arc<AtomicBool>,
}

impl Stub {
    /// Listens on a free port and answers each request by `answer`, a connection a thread.
    pub fn start(answer: impl Fn(&StubRequest) -> StubResponse + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1:0".parse().unwrap(), answer)
    }

    /// Listens on this address.
    pub fn listen(
        address: SocketAddr,
        answer: impl Fn(&StubRequest) -> StubResponse + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, stopped) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let stub = Self { address, requests: Arc::clone(&requests), stopped: Arc::clone(&stopped) };
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
                thread::spawn(move || converse(&connection, &*answer, &requests));
            }
        });
        stub
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<StubRequest> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener, which then closes its port.
        let _ = TcpStream::connect(self.address);
    }
}

fn converse(
    connection: &TcpStream,
    answer: &dyn Fn(&StubRequest) -> StubResponse,
    log: &Mutex<Vec<StubRequest>>,
) -> Option<()> {
    let mut reader = BufReader::new(connection);
    loop {
        let requests = read_request(&mut reader).ok()??;
        log.lock().unwrap().push(requests.clone());
        let said = answer(&requests);
        let top = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n",
            said.status,
            said.kind,
            said.body.len(),
            said.headers
        );
        let mut out = connection;
        out.write_all(top.as_bytes()).and_then(|()| out.write_all(&said.body)).ok()?;
    }
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<StubRequest>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line);
    }
    let length = lines
        .iter()
        .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    io::copy(&mut reader.take(length.unwrap_or(0)), &mut io::sink())?;
    let mut words = lines.first().map(String::as_str).unwrap_or_default().split(' ').map(str::to_owned);
    Ok(words.next().zip(words.next()).map(|(method, path)| StubRequest { method, path }))
}

/// A gate that blocks threads until a test opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Blocks until the gate is open.
    pub fn pass(&self) {
        let (open, changed) = &*self.0;
        drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
    }

    /// Opens it permanently.
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}
