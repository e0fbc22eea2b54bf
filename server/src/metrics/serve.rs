//! The listener of the metrics.

use std::{
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use poem::{
    EndpointExt, IntoResponse, Response, Route,
    endpoint::{ToDynEndpoint, make_sync},
    get,
    http::StatusCode,
};
use prometheus_client::encoding::prometheus_text::encode;

use super::collect::registry;
use crate::{app::App, http_server::HttpGauges, listen::ListenAddress, middleware::Service};

/// Where the metrics are served: as [`ListenAddress`], or a port alone for loopback.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetricsListen(pub ListenAddress);

impl FromStr for MetricsListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(port) = text.parse() {
            return Ok(Self(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()));
        }
        text.parse().map(Self).map_err(|wrong: String| format!("{wrong}, or a port alone for loopback"))
    }
}

/// `GET /metrics`, and nothing else.
pub fn endpoint(app: &Arc<App>, http: HttpGauges) -> Service {
    let registry = Arc::new(registry(app, http));
    let metrics = make_sync(move |_| {
        let mut text = String::new();
        match encode(&mut text, &registry) {
            Ok(()) => Response::builder().content_type("text/plain; version=0.0.4; charset=utf-8").body(text),
            Err(error) => {
                tracing::error!(%error, "Encoding the metrics failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    });
    Arc::new(ToDynEndpoint(Route::new().at("/metrics", get(metrics)).map_to_response()))
}
