//! Robots from DiceBear's HTTP service, or from a copy of it on another host.

use std::{net::IpAddr, time::Duration};

use reqwest::{
    Client, StatusCode, Url,
    header::{ACCEPT, CONTENT_TYPE},
    redirect::Policy,
};
use tokio::sync::{OnceCell, Semaphore};

use super::{
    Failure, MAX_SVG_BYTES, Timing, breaker::Breaker, colours::colours, render_pool::RenderPool, vetted,
};

/// DiceBear's public service, free for non-commercial use.
pub const DICEBEAR_URL: &str = "https://api.dicebear.com/9.x";

/// Requests at a time; the public service allows 50 a second from everybody together.
const PLACES: usize = 4;

/// The host, and how it has been doing.
pub(super) struct Host {
    base: Url,
    timing: Timing,
    /// Made at the first request: it reads the machine's certificates.
    client: OnceCell<Client>,
    places: Semaphore,
    breaker: Breaker,
    /// Where what comes is parsed and checked.
    pool: RenderPool,
}

impl Host {
    pub(super) fn new(base: Url, timing: Timing, pool: RenderPool) -> Self {
        Self {
            base,
            timing,
            client: OnceCell::new(),
            places: Semaphore::new(PLACES),
            breaker: Breaker::new(timing.rest),
            pool,
        }
    }

    /// The robot of this seed.
    pub(super) async fn draw(&self, seed: &str) -> Result<String, Failure> {
        let _place = self.places.acquire().await;
        if !self.breaker.allows() {
            return Err(Failure::LeftAlone);
        }
        let drawn = self.fetch(seed).await;
        self.breaker.note(drawn.is_ok());
        drawn
    }

    async fn fetch(&self, seed: &str) -> Result<String, Failure> {
        let client = self.client.get_or_try_init(async || self.client()).await?;
        let mut response =
            client.get(address(&self.base, seed)?).header(ACCEPT, "image/svg+xml").send().await?;
        if response.status() != StatusCode::OK {
            return Err(Failure::Status(response.status().as_u16()));
        }
        if !response.headers().get(CONTENT_TYPE).is_some_and(|kind| is_svg(kind.as_bytes())) {
            return Err(Failure::Type);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_SVG_BYTES {
                return Err(Failure::Large);
            }
            body.extend_from_slice(&chunk);
        }
        let svg = String::from_utf8(body).map_err(|_| Failure::Text)?;
        self.pool.run(move || vetted(&svg)).await?
    }

    /// One host, without redirects. The environment's proxies (`HTTPS_PROXY`, `NO_PROXY`) are used, except for a service
    /// on this machine.
    fn client(&self) -> Result<Client, Failure> {
        let builder = if is_local(&self.base) { Client::builder().no_proxy() } else { Client::builder() };
        let builder = builder
            .user_agent(concat!("ro-co-server/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(self.timing.connect)
            .timeout(self.timing.fetch)
            .pool_idle_timeout(Duration::from_secs(30));
        Ok(builder.build()?)
    }
}

/// Whether a URL names this machine.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Where this seed's robot is.
fn address(base: &Url, seed: &str) -> Result<Url, Failure> {
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| Failure::Address)?.pop_if_empty().extend(["bottts", "svg"]);
    url.query_pairs_mut()
        .append_pair("seed", seed)
        .append_pair("backgroundColor", &colours(seed).join(","))
        .append_pair("backgroundType", "gradientLinear");
    Ok(url)
}

/// Whether a media type is SVG's, with or without parameters.
fn is_svg(kind: &[u8]) -> bool {
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"image/svg+xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_add_to_the_address() {
        let base = Url::parse(DICEBEAR_URL).unwrap();
        for seed in ["Ada Lovelace", "a&size=9999#x", "../../json?", "Žofie 李", "a,b+c%20"] {
            let url = address(&base, seed).unwrap();
            assert_eq!(url.path(), "/9.x/bottts/svg");
            assert_eq!(url.fragment(), None);
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            assert_eq!(pairs.len(), 3);
            assert_eq!(pairs[0], ("seed".into(), seed.into()));
            assert_eq!(pairs[1], ("backgroundColor".into(), colours(seed).join(",")));
            assert_eq!(pairs[2], ("backgroundType".into(), "gradientLinear".into()));
        }
        let slash = Url::parse("http://127.0.0.1:3910/9.x/").unwrap();
        assert_eq!(address(&slash, "x").unwrap().path(), "/9.x/bottts/svg");
    }

    #[test]
    fn a_service_on_this_machine_is_told_from_others() {
        for (url, local) in [
            ("http://localhost:3910/9.x", true),
            ("http://127.0.0.1/9.x", true),
            ("http://[::1]:3910/9.x", true),
            (DICEBEAR_URL, false),
            ("http://192.0.2.1/9.x", false),
        ] {
            assert_eq!(is_local(&Url::parse(url).unwrap()), local, "{url}");
        }
    }

    #[test]
    fn only_svg_is_svg() {
        assert!(is_svg(b"image/svg+xml") && is_svg(b"Image/SVG+XML ; charset=utf-8"));
        assert!(!is_svg(b"image/svg+xmlx") && !is_svg(b"text/html") && !is_svg(b""));
    }
}
