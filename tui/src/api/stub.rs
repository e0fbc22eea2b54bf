//! A stub server that records its requests.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Method and path with query: `GET /api/v1/user/me`.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn bearer(&self) -> &str {
        self.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) enum StubAnswer {
    Say {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// These bytes, then the end.
    Raw(Vec<u8>),
    HangUp,
}

pub(crate) fn json(status: u16, body: impl Into<String>) -> StubAnswer {
    typed(status, "application/json", body)
}

pub(crate) fn problem(code: ro_co_shared::Code) -> StubAnswer {
    said(code.status(), serde_json::to_string(&ro_co_shared::Problem::new(code, "")).unwrap())
}

/// An error with this body, as the server labels its errors.
pub(crate) fn said(status: u16, body: impl Into<String>) -> StubAnswer {
    typed(status, "application/problem+json", body)
}

/// An answer of this media type.
pub(crate) fn typed(status: u16, media_type: &str, body: impl Into<String>) -> StubAnswer {
    StubAnswer::Say {
        status,
        headers: vec![("content-type", media_type.into())],
        body: body.into().into_bytes(),
    }
}

impl StubAnswer {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Say { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Play = Arc<dyn Fn(&Seen) -> StubAnswer + Send + Sync>;

impl Stub {
    pub(crate) async fn start(play: impl Fn(&Seen) -> StubAnswer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (play, notes): (Play, _) = (Arc::new(play), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (play, notes) = (Arc::clone(&play), Arc::clone(&notes));
                connections.spawn(async move {
                    let _ = serve(stream, &play, &notes).await;
                });
            }
        });
        Self { address, seen, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests began like this.
    pub(crate) fn count(&self, line: &str) -> usize {
        self.seen().iter().filter(|seen| seen.line.starts_with(line)).count()
    }
}

async fn serve(stream: TcpStream, play: &Play, notes: &Mutex<Vec<Seen>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(seen) = read(&mut stream).await? {
        let answer = play(&seen);
        notes.lock().unwrap().push(seen);
        match answer {
            StubAnswer::Say { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.extend([name, ": ", &value, "\r\n"]);
                }
                stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat()).await?;
            }
            StubAnswer::Raw(bytes) => return stream.write_all(&bytes).await,
            StubAnswer::HangUp => return Ok(()),
        }
    }
    Ok(())
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Seen>> {
    let mut seen = Seen::default();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line if seen.line.is_empty() => seen.line = line.trim_end_matches(" HTTP/1.1").into(),
            line => {
                let (name, value) = line.split_once(": ").unwrap_or((line, ""));
                seen.headers.push((name.into(), value.into()));
            }
        }
    }
    let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    seen.body = String::from_utf8(body).unwrap();
    Ok(Some(seen))
}
