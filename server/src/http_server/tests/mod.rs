//! Against real sockets, with limits small enough to run into.

mod connections;
mod requests;

use std::net::Ipv4Addr;

use poem::{Endpoint, IntoResponse, Request, endpoint::ToDynEndpoint, http::StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST_GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const WAIT: &[u8] = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";

/// Small, but not so small that a busy machine runs into them by itself.
fn limits() -> Limits {
    Limits {
        head_time: Duration::from_millis(400),
        body_time: Duration::from_millis(400),
        handler_time: Duration::from_secs(5),
        write_time: Duration::from_millis(400),
        ..Limits::default()
    }
}

#[derive(Default)]
struct Handler {
    started: Notify,
    go_on: Notify,
}

impl Endpoint for Handler {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        match request.uri().path() {
            "/wait" => {
                self.started.notify_one();
                self.go_on.notified().await;
            }
            "/length" => {
                let body = request.take_body().into_bytes().await?;
                return Ok(body.len().to_string().into_response());
            }
            "/unread" => return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response()),
            "/peer" => return Ok(request.remote_addr().to_string().into_response()),
            "/large" => return Ok(vec![0; 64 << 20].into_response()),
            "/panic" => panic!("as asked"),
            _ => {}
        }
        Ok("hi".into_response())
    }
}

struct Server {
    address: SocketAddr,
    handler: Arc<ToDynEndpoint<Handler>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let handler = Arc::new(ToDynEndpoint(Handler::default()));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, handler.clone(), limits, async {
            stopped.await.ok();
        }));
        Self { address, handler, stop, task }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    async fn ask(&self, request: &[u8]) -> String {
        let mut client = self.connect().await;
        client.send(request).await;
        client.rest().await
    }

    /// A connection whose request the handler is at work on.
    async fn at_work(&self) -> Client {
        let mut client = self.connect().await;
        client.send(WAIT).await;
        within(self.handler.0.started.notified()).await;
        client
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        within(self.0.write_all(bytes)).await.unwrap();
    }

    /// Everything until the server closes.
    async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let end = within(self.0.read_to_end(&mut all)).await;
        assert!(end.is_ok() || all.is_empty(), "an answer was cut off");
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
    time::timeout(PATIENCE, future).await.expect("took too long")
}

/// Asks again until it works, for another task has to notice something first. Refused connections may break
/// while they are written to, so only the answer counts.
async fn works_again(server: &Server) {
    let attempt = async || {
        let mut client = server.connect().await;
        client.0.write_all(LAST_GET).await.ok();
        let mut answer = Vec::new();
        client.0.read_to_end(&mut answer).await.ok();
        answer.ends_with(b"hi")
    };
    within(async { while !attempt().await {} }).await;
}
