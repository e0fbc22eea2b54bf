//! The Ro-Co server: a documented REST API over one store, as a library so that tests and the client's local
//! mode own its port and its stop.
//!
//! Modules import each other without cycles; this root is imported by none of them.

pub mod admin;
mod admission;
pub mod api;
pub mod app;
pub mod auth;
pub mod avatar;
pub mod base_path;
pub mod client_ip;
pub mod clock;
mod compression;
pub mod config;
pub mod connect;
pub mod cors;
pub mod demo;
pub mod durations;
pub mod environment;
pub mod error;
pub mod files;
mod hsts;
pub mod http_server;
mod idempotency;
#[cfg(feature = "mongodb")]
pub mod import;
mod jobs;
pub mod keys;
pub mod limits;
pub mod listen;
pub mod local;
pub mod logging;
#[cfg(feature = "metrics")]
pub mod metrics;
mod middleware;
mod observe;
pub mod password;
pub mod permissions;
mod query;
mod request_metrics;
mod request_record;
mod request_user;
pub mod run;
pub mod secret;
pub mod session_cache;
pub mod store;
pub mod tls;

use std::sync::Arc;

use poem::{
    EndpointExt, Route,
    endpoint::ToDynEndpoint,
    middleware::{NormalizePath, TrailingSlash},
};

use crate::{hsts::Hsts, middleware::Middleware, observe::Observer};

pub use app::{App, Settings};
pub use middleware::Service;

impl App {
    /// The whole application as one endpoint.
    pub fn service(self: &Arc<Self>) -> Service {
        self.guarded(api::routes(&self.settings.base_path))
    }

    /// Routes behind the middleware that every request passes.
    pub fn guarded(self: &Arc<Self>, routes: Route) -> Service {
        let routes = routes.with(NormalizePath::new(TrailingSlash::Trim)).data(Arc::clone(self));
        Arc::new(ToDynEndpoint(Middleware {
            inner: routes,
            app: Arc::clone(self),
            hsts: Hsts::new(self.settings.hsts_seconds),
            observer: Observer::new(self),
        }))
    }
}
