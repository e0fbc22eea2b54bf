//! Health, the document, and the pages for people with a browser.

use std::sync::{Arc, LazyLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use poem::{
    IntoResponse, Request, Response, Route, get, handler,
    http::{StatusCode, header},
    web::Data,
};
use poem_openapi::{OpenApi, OpenApiService};
use ro_co_shared::Code;

use super::{
    Tag,
    payload::{Done, header_value, matches_tag},
};
use crate::{
    app::App,
    error::{ApiError, OperationError, Plain},
    keys::sha256,
    limits::AnonymousRateLimit,
};

pub(super) struct System;

#[expect(clippy::unused_async, reason = "operations must be async")]
#[OpenApi(prefix_path = "/health", tag = "Tag::System")]
impl System {
    /// Is it running
    ///
    /// 200 as long as the process answers.
    #[oai(path = "/live", method = "get", operation_id = "live")]
    async fn live(&self, _open: AnonymousRateLimit) -> Result<Done, OperationError<Plain>> {
        Ok(Done)
    }

    /// Is it ready
    ///
    /// 200 when the store answers, 503 when it does not.
    #[oai(path = "/ready", method = "get", operation_id = "ready")]
    async fn ready(
        &self,
        _open: AnonymousRateLimit,
        app: Data<&Arc<App>>,
    ) -> Result<Done, OperationError<Plain>> {
        app.store.ping().await?;
        Ok(Done)
    }
}

/// Adds the document and the pages.
pub(super) fn pages(route: Route) -> Route {
    route.at("/", get(root)).at("/openapi.json", get(document)).at("/api.html", get(swagger))
}

static DOCUMENT: LazyLock<(String, String)> = LazyLock::new(|| {
    let text = super::spec();
    let tag = format!("\"{}\"", BASE64_STANDARD.encode(&sha256(text.as_bytes())[..15]));
    (text, tag)
});

#[handler]
fn document(request: &Request) -> Response {
    let (text, tag) = &*DOCUMENT;
    let mut response = if matches_tag(request.header(header::IF_NONE_MATCH), tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::builder().content_type("application/json").body(text.as_str())
    };
    response.headers_mut().insert(header::ETAG, header_value(tag));
    response.headers_mut().insert(header::CACHE_CONTROL, header_value("public, no-cache"));
    response
}

#[handler]
fn root() -> Response {
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .header(header::LINK, "</openapi.json>; rel=\"service-desc\"; type=\"application/json\"")
        .body(
            "<!doctype html><html lang=\"en\"><title>Ro-Co</title><h1>Ro-Co</h1>\
             <p>A question-and-answer community for people who live in a terminal. This is its server; \
             the client is <code>ro-co</code>.</p>\
             <p>For scripts: <a href=\"/openapi.json\">openapi.json</a>. To try it here: \
             <a href=\"/api.html\">Swagger UI</a>.</p></html>",
        )
}

/// Swagger UI with the policy that lets its own scripts run and nothing else.
static SWAGGER: LazyLock<(String, String)> = LazyLock::new(|| {
    // The page of an empty API, told to read the document from the server: the generated page would carry the
    // document as it was before `spec` made it exact.
    let page = OpenApiService::new((), "Ro-Co", env!("CARGO_PKG_VERSION")).swagger_ui_html();
    let page = page.replace(
        "spec: spec,",
        "url: '/openapi.json', persistAuthorization: true, tryItOutEnabled: true, displayRequestDuration: true,",
    );
    let hashes: Vec<String> = scripts(&page)
        .map(|script| format!("'sha256-{}'", BASE64_STANDARD.encode(sha256(script.as_bytes()))))
        .collect();
    let policy = format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src 'self' data: blob:; \
         connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        hashes.join(" ")
    );
    (format!("<!doctype html>{}", page.trim_start()), policy)
});

/// What stands between `<script ...>` and `</script>`. A script may hold the text `<script` itself, so what follows a
/// script is looked for behind its end only.
fn scripts(page: &str) -> impl Iterator<Item = &str> {
    let mut rest = page;
    std::iter::from_fn(move || {
        let (_, tag) = rest.split_once("<script")?;
        let (script, behind) = tag.split_once('>')?.1.split_once("</script>")?;
        rest = behind;
        Some(script)
    })
}

#[handler]
fn swagger(Data(app): Data<&Arc<App>>) -> Response {
    if !app.settings.docs {
        return ApiError::new(Code::NotFound, "the documentation page is off; --docs turns it on")
            .into_response();
    }
    let (page, policy) = &*SWAGGER;
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, policy)
        .header(header::CACHE_CONTROL, "no-cache")
        .body(page.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_speaks_of_scripts_is_one_script() {
        let page = "<body><script charset=\"x\">w('<script src=y>')</script>text<script>2</script></body>";
        assert_eq!(scripts(page).collect::<Vec<_>>(), ["w('<script src=y>')", "2"]);
    }
}
