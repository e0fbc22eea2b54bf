//! Extractors: the caller behind an access token, a refresh token, and clients counted by IP address alone.

use std::net::IpAddr;

use poem::{FromRequest, Request, RequestBody, Result, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use ro_co_shared::Code;

use super::Caller;
use crate::{
    admission, app::App, error::ApiError, limits::AnonymousRateLimit, password::Requester, query,
    request_user::RequestUser,
};

/// What somebody with a password that an operator set is told.
const MUST_CHANGE: &str = "your password was reset: change it first, with PUT /api/v1/user/password";

/// As [`Caller`], and also one who has to change their password before they do anything else.
#[derive(Clone, Copy, Debug)]
pub struct AnyCaller(pub Caller);

/// The IP address of a request, of IPv6 its /64, without counting it.
#[derive(Clone, Copy, Debug)]
pub struct ClientNetwork(IpAddr);

impl ClientNetwork {
    /// As a signed-in user waits for a hash.
    pub fn requester(self) -> Requester {
        Requester { address: self.0, known: true }
    }
}

impl<'a> FromRequest<'a> for ClientNetwork {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self(App::of(request)?.limits.client_ip(request)))
    }
}

/// The refresh token in the `Authorization` header.
pub struct RefreshBearer(pub String);

/// The token of the `Authorization` header with the scheme `Bearer`. Several such headers are ambiguous, and count as none.
fn bearer(request: &Request) -> Option<&str> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let (value, rest) = (values.next()?, values.next());
    if rest.is_some() {
        return None;
    }
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn bearer_scheme(description: &'static str) -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty: "http",
        description: Some(description),
        name: None,
        key_in: None,
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        flows: None,
        openid_connect_url: None,
    }
}

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "accessToken",
            bearer_scheme("The access token that `login` and `refresh` return; it lives for minutes."),
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["accessToken"]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let caller = identify(request).await?;
        if caller.must_change_password {
            return Err(ApiError::new(Code::PasswordChangeRequired, MUST_CHANGE).into());
        }
        admission::authorized(request).await;
        Ok(caller)
    }
}

impl<'a> ApiExtractor<'a> for AnyCaller {
    const TYPES: &'static [ApiExtractorType] = Caller::TYPES;
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Caller::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Caller::security_schemes()
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let caller = identify(request).await?;
        admission::authorized(request).await;
        Ok(Self(caller))
    }
}

/// The caller behind the access token of a request, which counts as the user's.
async fn identify(request: &Request) -> Result<Caller, ApiError> {
    let token =
        bearer(request).ok_or_else(|| ApiError::new(Code::Unauthenticated, "send an access token"))?;
    let app = App::of(request)?;
    let caller = app.caller(token).await?;
    RequestUser::note(request, caller.user);
    app.limits.count_user(request, caller.user)?;
    query::check(request)?;
    Ok(caller)
}

impl<'a> ApiExtractor<'a> for RefreshBearer {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "refreshToken",
            bearer_scheme("The refresh token that `login` and `refresh` return; for `refresh` only."),
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["refreshToken"]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let token =
            bearer(request).ok_or_else(|| ApiError::new(Code::Unauthenticated, "send a refresh token"))?;
        Ok(Self(token.to_owned()))
    }
}

impl<'a> FromRequest<'a> for AnonymousRateLimit {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        let limit = App::of(request)?.limits.count_anonymous(request)?;
        query::check(request)?;
        admission::authorized(request).await;
        Ok(limit)
    }
}
