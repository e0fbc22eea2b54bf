//! Tests over real sockets, with small limits.

mod admission;
mod connections;
mod requests;
mod tls;

use std::net::Ipv4Addr;

use poem::{Endpoint, IntoResponse, Request, endpoint::ToDynEndpoint, http::StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use super::*;
use crate::admission::RequestAdmission;

const TEST_TIMEOUT: Duration = Duration::from_secs(10);
/// More than the kernel buffers for a client that does not read.
const LARGE: usize = 16 << 20;
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST_GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const WAIT: &[u8] = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";

/// Small, but large enough for a busy machine.
fn limits() -> HttpLimits {
    HttpLimits {
        header_timeout: Duration::from_millis(400),
        body_timeout: Duration::from_millis(400),
        handler_timeout: Duration::from_secs(5),
        write_timeout: Duration::from_millis(400),
        ..HttpLimits::default()
    }
}

#[derive(Default)]
struct TestHandler {
    started: Notify,
    go_on: Notify,
}

impl Endpoint for TestHandler {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let admission = RequestAdmission::of(&request).unwrap().clone();
        let path = request.uri().path().to_owned();
        if path == "/length" {
            let body = request.take_body().into_bytes().await?;
            admission.body_arrived(body.len()).await;
            admission.admit(body.len()).await;
            return Ok(body.len().to_string().into_response());
        }
        if path == "/unread" {
            return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response());
        }
        admission.admit(LARGE).await;
        match path.as_str() {
            "/wait" => {
                self.started.notify_one();
                self.go_on.notified().await;
            }
            "/peer" => return Ok(request.remote_addr().to_string().into_response()),
            "/large" => return Ok(vec![0; LARGE].into_response()),
            "/panic" => panic!("as asked"),
            _ => {}
        }
        Ok("hi".into_response())
    }
}

struct TestServer {
    address: SocketAddr,
    handler: Arc<ToDynEndpoint<TestHandler>>,
    gauges: HttpGauges,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl TestServer {
    async fn start(limits: HttpLimits) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let handler = Arc::new(ToDynEndpoint(TestHandler::default()));
        let (stop, stopped) = oneshot::channel();
        let server = HttpServer::new(handler.clone(), limits);
        let gauges = server.gauges();
        let task = tokio::spawn(server.serve(listener, async {
            stopped.await.ok();
        }));
        Self { address, handler, gauges, stop, task }
    }

    async fn connect(&self) -> TestClient {
        TestClient(TcpStream::connect(self.address).await.unwrap())
    }

    /// A connection from another IP address, 127.0.0.`host`.
    async fn connect_from(&self, host: u8) -> TestClient {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into()).unwrap();
        TestClient(within(socket.connect(self.address)).await.unwrap())
    }

    async fn send(&self, request: &[u8]) -> String {
        let mut client = self.connect().await;
        client.send(request).await;
        client.rest().await
    }

    /// A connection with a request in flight.
    async fn in_flight(&self) -> TestClient {
        let mut client = self.connect().await;
        client.send(WAIT).await;
        within(self.handler.0.started.notified()).await;
        client
    }
}

struct TestClient(TcpStream);

impl TestClient {
    async fn send(&mut self, bytes: &[u8]) {
        within(self.0.write_all(bytes)).await.unwrap();
    }

    /// Everything until the server closes.
    async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let end = within(self.0.read_to_end(&mut all)).await;
        assert!(end.is_ok() || all.is_empty(), "the response was cut off");
        String::from_utf8(all).unwrap()
    }

    /// Everything until this text.
    async fn until(&mut self, text: &str) -> String {
        let mut all = String::new();
        while !all.ends_with(text) {
            let mut byte = [0];
            assert_eq!(within(self.0.read(&mut byte)).await.unwrap(), 1, "closed after {all:?}");
            all.push(byte[0].into());
        }
        all
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    time::timeout(TEST_TIMEOUT, future).await.expect("took too long")
}

/// Retries until a request succeeds, because another task has to run first. A rejected connection may be reset while
/// it is written to, so only the response counts.
async fn until_served(server: &TestServer) {
    let attempt = async || {
        let mut client = server.connect().await;
        client.0.write_all(LAST_GET).await.ok();
        let mut response = Vec::new();
        client.0.read_to_end(&mut response).await.ok();
        response.ends_with(b"hi")
    };
    within(async { while !attempt().await {} }).await;
}

/// Waits for a condition.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    time::timeout(TEST_TIMEOUT, wait).await.unwrap_or_else(|_| panic!("not reached: {what}"));
}
