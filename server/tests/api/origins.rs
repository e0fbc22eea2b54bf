//! Pages of other origins, and names of this machine.

use poem::http::header;
use ro_co_server::Settings;
use ro_co_shared::Code;

use crate::support::{Answer, Test};

const PAGE: &str = "https://page.example";
const LOGIN: &str = "/api/v1/auth/login";

fn test() -> Test {
    Test::with(Settings { cors_origins: vec![PAGE.parse().unwrap()], ..Settings::default() })
}

async fn login(test: &Test, headers: &[(&str, &str)]) -> Answer {
    test.call("POST", LOGIN, headers, Some(br#"{"email":"ada@example.org","password":"x"}"#)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_may_call_reads_errors_too() {
    let test = test();
    let answer = login(&test, &[("origin", PAGE)]).await.expect(401);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    let large = vec![b' '; 20_000];
    let answer = test.call("POST", LOGIN, &[("origin", PAGE)], Some(&large)).await.expect(413);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE), "whatever layer refuses");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_origin_is_no_error_and_gets_no_leave() {
    let test = test();
    for origin in
        ["http://127.0.0.1:8080", "https://evil.example", "null", "https://page.example.evil.example"]
    {
        let answer = login(&test, &[("origin", origin)]).await.expect(401);
        assert_eq!(answer.problem().code, Code::InvalidCredentials, "{origin}: as if it said nothing");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(answer.header("vary"), Some("Origin"), "what is kept for one origin is not for another");
        let preflight = [("origin", origin), ("access-control-request-method", "POST")];
        let answer = test.call("OPTIONS", LOGIN, &preflight, None).await.expect(405);
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
    assert_eq!(login(&test, &[]).await.header("vary"), Some("Origin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_origins_nothing_is_said_of_them() {
    let answer = login(&Test::new(), &[("origin", PAGE)]).await.expect(401);
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
    assert!(!answer.headers.contains_key(header::VARY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_server_answers_to_no_other_name() {
    let test = Test::with(Settings { local_only: true, ..Settings::default() });
    for name in ["localhost", "LOCALHOST:8080", "127.0.0.1:8081", "[::1]:8080", "[::1]"] {
        test.call("GET", "/", &[("host", name)], None).await.expect(200);
    }
    for name in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "192.0.2.1:8080",
        "",
        "[2001:db8::1]:80",
    ] {
        let answer = test.call("GET", "/", &[("host", name)], None).await.expect(403);
        assert_eq!(answer.problem().code, Code::Forbidden, "{name}");
    }
    Test::new().call("GET", "/", &[("host", "ro-co.example.org")], None).await.expect(200);
}
