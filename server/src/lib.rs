//! The Ro-Co server: a documented REST API over one store, as a library so that tests and the client's local
//! mode own its port and its stop.

pub mod admin;
pub mod api;
pub mod auth;
pub mod avatar;
pub mod clock;
pub mod config;
pub mod cors;
pub mod demo;
pub mod http_server;
mod idempotency;
#[cfg(feature = "mongodb")]
pub mod import;
pub mod keys;
pub mod limits;
pub mod local;
mod middleware;
pub mod password;
pub mod run;
pub mod secret;
pub mod store;

use std::{sync::Arc, time::Duration};

use poem::{
    EndpointExt, Request, Route,
    endpoint::ToDynEndpoint,
    middleware::{NormalizePath, TrailingSlash},
};
use ro_co_shared::Code;

use crate::{
    api::fault::Fault,
    auth::Recent,
    avatar::Avatars,
    clock::Clock,
    cors::Origin,
    keys::Keys,
    limits::{Limits, Policy, address::Proxies},
    middleware::Middleware,
    password::Passwords,
    store::Store,
};

pub use middleware::Service;

/// Everything a request may need.
pub struct App {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What tokens are signed with.
    pub keys: Keys,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// Where pictures come from.
    pub avatars: Avatars,
    /// The time.
    pub clock: Clock,
    /// What was chosen at the start.
    pub settings: Settings,
    /// What was found out about tokens and sessions lately.
    pub recent: Recent,
    /// How often somebody may ask.
    pub limits: Limits,
}

/// What was chosen at the start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an access token lives, in milliseconds.
    pub access_ttl_ms: i64,
    /// How long a session lives unused, in milliseconds.
    pub refresh_ttl_ms: i64,
    /// Whether Swagger UI is shown.
    pub docs: bool,
    /// Whether only those who know it as `localhost` are served.
    pub local_only: bool,
    /// Origins whose pages may call.
    pub cors_origins: Vec<Origin>,
    /// How stale a role, a suspension or the end of a session may be.
    pub recheck: Duration,
    /// Which rate limits hold.
    pub limits: Policy,
    /// Proxies that are believed when they say for whom they ask.
    pub proxies: Proxies,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_ttl_ms: 900_000,
            refresh_ttl_ms: 14 * 86_400_000,
            docs: true,
            local_only: false,
            cors_origins: Vec::new(),
            recheck: auth::RECHECK,
            limits: Policy::default(),
            proxies: Proxies::default(),
        }
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(
        store: Arc<dyn Store>,
        keys: Keys,
        avatars: Avatars,
        clock: Clock,
        settings: Settings,
    ) -> Arc<Self> {
        let recent = Recent::new(settings.recheck);
        let limits = Limits::new(settings.limits, settings.proxies.clone(), &clock);
        let passwords = Passwords::new();
        Arc::new(Self { store, keys, passwords, avatars, clock, settings, recent, limits })
    }

    /// The application behind a request.
    fn of(request: &Request) -> Result<&Arc<Self>, Fault> {
        request.data::<Arc<Self>>().ok_or_else(|| Fault::new(Code::Internal, ""))
    }

    /// All of it as one endpoint.
    pub fn service(self: &Arc<Self>) -> Service {
        self.guarded(api::routes())
    }

    /// Routes behind the guard that every request passes.
    pub fn guarded(self: &Arc<Self>, routes: Route) -> Service {
        let routes = routes.with(NormalizePath::new(TrailingSlash::Trim)).data(Arc::clone(self));
        Arc::new(ToDynEndpoint(Middleware {
            inner: routes,
            origins: self.settings.cors_origins.clone(),
            local_only: self.settings.local_only,
        }))
    }
}
