//! One request and its answer.

use std::time::Duration;

use reqwest::{
    Client, Method, StatusCode, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH},
};
use ro_co_shared::{API_PATH, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    failure::{Failure, media_type},
    origin::Origin,
};
use crate::clean::Clean;

/// The largest JSON answer that is read: a page of 100 questions of 10,000 escaped characters has 6 MB.
pub(super) const JSON_LIMIT: usize = 8 << 20;
/// The largest picture that is read; the server's are below 64 KiB.
pub(super) const PICTURE_LIMIT: usize = 1 << 20;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Which calls a pause holds for: an operation, whatever it is done to.
pub(super) type Operation = (Method, String);

/// A request to be sent, once or, after a refresh, twice.
pub(super) struct HttpRequest {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    headers: HeaderMap,
    /// Whether sending it twice does no harm.
    repeatable: bool,
    limit: usize,
}

impl HttpRequest {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        let repeatable = method == Method::GET;
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            headers: HeaderMap::new(),
            repeatable,
            limit: JSON_LIMIT,
        }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// With a JSON body. The forms of this program always serialise.
    pub(super) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body).ok();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// Under a key that makes it safe to send again.
    pub(super) fn key(mut self, key: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(key) {
            self.headers.insert(IDEMPOTENCY_KEY, value);
            self.repeatable = true;
        }
        self
    }

    /// Only if this is still the version on the server.
    pub(super) fn if_match(mut self, etag: Option<&str>) -> Self {
        if let Some(value) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            self.headers.insert(IF_MATCH, value);
        }
        self
    }

    /// For a picture.
    pub(super) fn png(mut self) -> Self {
        self.headers.insert(ACCEPT, HeaderValue::from_static("image/png"));
        self.limit = PICTURE_LIMIT;
        self
    }

    /// What is done, without what it is done to: an id is an id.
    pub(super) fn operation(&self) -> Operation {
        let segments = self.path.split('/');
        let general = segments.map(|segment| if segment.parse::<UserId>().is_ok() { "*" } else { segment });
        (self.method.clone(), general.collect::<Vec<_>>().join("/"))
    }

    fn url(&self, origin: &Origin) -> Result<Url, Failure> {
        let mut url = Url::parse(&format!("{origin}{API_PATH}{}", self.path))
            .map_err(|_| Failure::Broken("the address of the request is not valid".into()))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    /// Sends it. A connection that fails is tried once more where that does no harm: a pooled one may have been
    /// closed by the server just now.
    pub(super) async fn send(
        &self,
        http: &Client,
        origin: &Origin,
        bearer: Option<&SecretString>,
    ) -> Result<HttpResponse, Failure> {
        let url = self.url(origin)?;
        let mut again = self.repeatable;
        loop {
            let mut request = http.request(self.method.clone(), url.clone()).headers(self.headers.clone());
            if let Some(token) = bearer {
                request = request.bearer_auth(token.expose_secret());
            }
            if let Some(body) = &self.body {
                request = request.body(body.clone());
            }
            match request.send().await {
                Ok(response) => return read(response, self.limit, origin).await,
                Err(error) if again && !error.is_timeout() && !error.is_builder() => again = false,
                Err(error) => return Err(Failure::of_exchange(&error)),
            }
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct HttpResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
    /// Where it was asked for.
    origin: String,
}

async fn read(
    mut response: reqwest::Response,
    limit: usize,
    origin: &Origin,
) -> Result<HttpResponse, Failure> {
    let too_large = || Failure::Broken("the server's answer is too large".into());
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| Failure::of_exchange(&e))? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status, headers, body, origin: origin.to_string() })
}

impl HttpResponse {
    /// The answer, unless it asks to come back later.
    pub(super) fn unless_busy(self) -> Result<Self, Failure> {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => self.success(),
            _ => Ok(self),
        }
    }

    /// The answer if it is a success of a Ro-Co server, which answers no call with a page, else what it says instead.
    pub(super) fn success(self) -> Result<Self, Failure> {
        if !self.status.is_success() {
            return Err(Failure::of_reply(&self.origin, self.status, &self.headers, &self.body));
        }
        if media_type(&self.headers) == Some("text/html") {
            return Err(Failure::foreign(&self.origin, self.status, &self.headers));
        }
        Ok(self)
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body)
            // The error's text may quote the body; its place and kind are enough to find the fault.
            .map_err(|e| {
                Failure::Broken(Clean::line(&format!(
                    "the server's answer was not understood ({:?})",
                    e.classify()
                )))
            })
    }

    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }

    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A client for this origin: 5 s to connect, 15 s in all, no redirects (they would take the token elsewhere).
/// Connections rest 20 s, less than the 30 s after which the server closes them.
pub(super) fn http_client(origin: &Origin) -> Result<Client, Failure> {
    let builder = Client::builder()
        .user_agent(concat!("ro-co/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15))
        .pool_idle_timeout(Duration::from_secs(20))
        .redirect(reqwest::redirect::Policy::none());
    let builder = if origin.is_loopback() { builder.no_proxy() } else { builder };
    builder.build().map_err(|e| Failure::Broken(Clean::line(&format!("no TLS on this machine: {e}"))))
}
