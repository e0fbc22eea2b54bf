//! The API client.

mod account;
mod failure;
mod host;
mod http;
mod link;
mod origin;
mod questions;
mod session;
#[cfg(test)]
pub(crate) mod stub;
#[cfg(test)]
mod tests;
mod transport;

use std::{sync::Arc, time::Instant};

use reqwest::{StatusCode, header::ETAG};
use ro_co_shared::Code;
use serde::de::DeserializeOwned;

pub use account::Fetched;
pub use failure::Failure;
pub(crate) use failure::whole_seconds;
pub(crate) use host::Host;
pub use origin::Origin;

use self::{
    http::{HttpRequest, HttpResponse},
    link::next_cursor,
    session::Session,
    transport::{Clock, Transport},
};
use crate::token::Tokens;

/// How many items are asked for at once: a screen full, and some to scroll into.
const PAGE: u32 = 50;

/// One page of a list, and where the next one starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing<T> {
    /// The items, in the server's order.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<String>,
}

/// A thing and the version of it that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Versioned<T> {
    /// The thing.
    pub value: T,
    /// Its `ETag`, to be handed back on an edit so that two editors never overwrite each other unseen.
    pub etag: Option<String>,
}

/// The server's operations, as the user who is signed in. Cheap to clone; all clones share one session.
#[derive(Clone)]
pub struct Api {
    inner: Arc<ApiInner>,
}

struct ApiInner {
    transport: Transport,
    session: Session,
    host: Option<Arc<dyn Host>>,
}

impl Api {
    /// The server at `origin`, with the sign-in kept by `tokens`. Fails when the machine has no usable TLS set-up.
    pub fn new(origin: Origin, tokens: Tokens) -> Result<Self, Failure> {
        Self::with(origin, tokens, None, Arc::new(Instant::now))
    }

    /// The server that `host` keeps at `origin`.
    pub(crate) fn hosted(
        origin: Origin,
        tokens: Tokens,
        host: Option<Arc<dyn Host>>,
    ) -> Result<Self, Failure> {
        Self::with(origin, tokens, host, Arc::new(Instant::now))
    }

    fn with(
        origin: Origin,
        tokens: Tokens,
        host: Option<Arc<dyn Host>>,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let transport = Transport::new(origin, clock)?;
        let session = Session::new(transport.clone(), tokens);
        Ok(Self { inner: Arc::new(ApiInner { transport, session, host }) })
    }

    /// The server's address.
    pub fn origin(&self) -> &Origin {
        self.inner.transport.origin()
    }

    /// How often the server has answered so far, whatever it said.
    pub(crate) fn replies(&self) -> u64 {
        self.inner.transport.replies()
    }

    /// Where the sign-in is kept.
    pub fn tokens(&self) -> &Tokens {
        self.inner.session.tokens()
    }

    fn session(&self) -> &Session {
        &self.inner.session
    }

    /// Waits until there is the right server at the origin.
    async fn ensure_server(&self) -> Result<(), Failure> {
        match &self.inner.host {
            Some(host) => host.ensure_running().await.map_err(Failure::Offline),
            None => Ok(()),
        }
    }

    /// A call that anybody may make.
    async fn open(&self, call: HttpRequest) -> Result<HttpResponse, Failure> {
        self.ensure_server().await?;
        self.inner.transport.send(&call, None).await?.success()
    }

    /// A call as the user who is signed in. When the access token is turned down it is renewed and the call made
    /// once more, whatever it does: a call that was turned down has done nothing.
    async fn own(&self, call: HttpRequest) -> Result<HttpResponse, Failure> {
        self.ensure_server().await?;
        let mut refused = None;
        loop {
            let access = self.session().access(refused).await?;
            let reply = self.inner.transport.send(&call, Some(&access.token)).await?;
            if reply.status != StatusCode::UNAUTHORIZED {
                return reply.success();
            }
            match reply.success() {
                // The password in the body was wrong, not the token; or it was not the server that refused.
                Err(failure)
                    if refused.is_some()
                        || failure.is(Code::InvalidCredentials)
                        || matches!(failure, Failure::Foreign(_)) =>
                {
                    return Err(failure);
                }
                _ => refused = Some(access.number),
            }
        }
    }

    async fn list<T: DeserializeOwned>(
        &self,
        path: String,
        cursor: Option<&str>,
    ) -> Result<Listing<T>, Failure> {
        let call = HttpRequest::get(path).query("size", PAGE.to_string());
        let call = if let Some(cursor) = cursor { call.query("cursor", cursor) } else { call };
        let reply = self.own(call).await?;
        Ok(Listing { items: reply.json()?, next: next_cursor(&reply.headers) })
    }

    async fn versioned<T: DeserializeOwned>(&self, call: HttpRequest) -> Result<Versioned<T>, Failure> {
        let reply = self.own(call).await?;
        Ok(Versioned { value: reply.json()?, etag: reply.header(&ETAG).map(str::to_owned) })
    }
}
