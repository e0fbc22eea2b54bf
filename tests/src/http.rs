//! HTTP/1.1 spoken by hand, so that a test can send what a proper client refuses to.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use ro_co_shared::Problem;
use serde_json::Value;

/// How long one answer may take before a test gives up on it.
const LIMIT: Duration = Duration::from_secs(30);

/// A request, sent unmodified.
#[derive(Clone, Debug, Default)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request without body; `path` is the whole one, query included.
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), ..Self::default() }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds the access token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sends `value` as JSON.
    pub fn json(self, value: &Value) -> Self {
        self.raw_json(value.to_string())
    }

    /// Sends these bytes with the media type of JSON.
    pub fn raw_json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    /// Sends these bytes with their length and no media type.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends the request on a connection of its own and reads the answer.
    pub fn send(&self, server: SocketAddr) -> io::Result<Reply> {
        exchange(server, &self.bytes("close"))
    }

    /// The request as it goes over a connection that stays open.
    pub fn keep_alive_bytes(&self) -> Vec<u8> {
        self.bytes("keep-alive")
    }

    fn bytes(&self, connection: &str) -> Vec<u8> {
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}", self.method, self.path);
        for (name, value) in &self.headers {
            head.extend(["\r\n", name, ": ", value]);
        }
        if let Some(body) = &self.body {
            head.extend(["\r\nContent-Length: ", &body.len().to_string()]);
        }
        let mut bytes = (head + "\r\n\r\n").into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }
}

/// Sends these bytes and reads one response, also when the server responds before it has read everything.
pub fn exchange(server: SocketAddr, bytes: &[u8]) -> io::Result<Reply> {
    let stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let sent = (&stream).write_all(bytes);
    // A response in mid-body may break the sending, and can still be read.
    Reply::read(&mut BufReader::new(&stream)).map_err(|e| sent.err().unwrap_or(e))
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, with any transfer coding undone.
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads one answer from a connection.
    pub fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let status_line = line(from)?;
        let status =
            status_line.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| bad(&status_line))?;
        let mut headers = Vec::new();
        loop {
            let line = line(from)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Self { status, headers, body: Vec::new() };
        reply.body = reply.read_body(from)?;
        Ok(reply)
    }

    fn read_body(&self, from: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.status == 304 || self.status == 204 {
            return Ok(body);
        }
        if let Some(length) = self.header("content-length") {
            body.resize(length.parse().map_err(|_| bad(length))?, 0);
            from.read_exact(&mut body)?;
        } else if self.header("transfer-encoding") == Some("chunked") {
            read_chunks(from, &mut body)?;
        } else {
            from.read_to_end(&mut body)?;
        }
        Ok(body)
    }

    /// The value of the first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{} is not JSON ({e}): {}", self.status, self.text()))
    }

    /// This answer, if its status is the one expected.
    ///
    /// # Panics
    /// When it is another; the text shows the answer.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "unexpected answer: {}", self.text());
        self
    }

    /// The problem document of this response, validated, with this status.
    ///
    /// # Panics
    /// When it is not a proper problem document.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Problem {
        assert_eq!(self.status, status, "unexpected answer: {}", self.text());
        let kind = self.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("application/problem+json"), "{status} came as {kind:?}: {}", self.text());
        let problem: Problem =
            serde_json::from_value(self.json()).unwrap_or_else(|e| panic!("{e}: {}", self.text()));
        assert_eq!(i32::from(status), problem.status, "the status is repeated wrongly");
        assert_eq!(problem.detail, problem.error_message, "older clients read errorMessage");
        assert!(!problem.instance.is_empty(), "no instance: {}", self.text());
        problem
    }

    /// The names of the invalid fields in this problem, sorted.
    #[track_caller]
    pub fn wrong_fields(&self, status: u16) -> Vec<String> {
        let mut fields: Vec<_> = self.problem(status).errors.into_iter().map(|e| e.field).collect();
        fields.sort();
        fields
    }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_chunks(from: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let head = line(from)?;
        let size = usize::from_str_radix(&head, 16).map_err(|_| bad(&head))?;
        let start = body.len();
        body.resize(start + size, 0);
        from.read_exact(&mut body[start..])?;
        line(from)?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {what:?}"))
}
