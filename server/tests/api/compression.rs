//! Compressed responses.

use std::io::Read;

use ro_co_server::Settings;
use ro_co_shared::Code;
use serde_json::{Value, json};

use crate::support::{Answer, Test};

const GZIP: (&str, &str) = ("Accept-Encoding", "gzip, br");

fn unpacked(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A question whose JSON is longer than a kilobyte, and the token of its author.
async fn long_question(test: &Test) -> (String, String) {
    let ada = test.person("ada").await;
    let body = json!({"title": "Long?", "description": "All work and no play. ".repeat(100)});
    let question = test.send(Some(&ada), "POST", "/api/v1/question", body).await.expect(201).json();
    (format!("/api/v1/question/{}", question["id"].as_str().unwrap()), format!("Bearer {}", ada.token))
}

#[tokio::test(flavor = "multi_thread")]
async fn long_responses_are_compressed_where_the_client_accepts_it() {
    let test = Test::new();
    let (path, token) = long_question(&test).await;
    let auth = ("Authorization", token.as_str());
    let plain = test.call("GET", &path, &[auth], None).await.expect(200);
    let packed = test.call("GET", &path, &[auth, GZIP], None).await.expect(200);
    assert_eq!(unpacked(&packed), plain.json());
    assert!(packed.body.len() < plain.body.len() / 2);
    assert_eq!((plain.header("etag"), packed.header("etag")), (Some("\"1\""), Some("\"1-gzip\"")));
    for answer in [&plain, &packed] {
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
    }
    let document = test.call("GET", "/openapi.json", &[GZIP], None).await.expect(200);
    assert_eq!(unpacked(&document)["openapi"], "3.0.0");
    let short = test.call("GET", "/api/v1/user/me", &[auth, GZIP], None).await.expect(200);
    assert_eq!(short.header("content-encoding"), None);
    let refused = test.call("GET", &path, &[auth, ("Accept-Encoding", "gzip;q=0")], None).await.expect(200);
    assert_eq!(refused.header("content-encoding"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_tags_of_a_version_are_accepted() {
    let test = Test::new();
    let (path, token) = long_question(&test).await;
    let auth = ("Authorization", token.as_str());
    let list = "/api/v1/question/all";
    let packed = test.call("GET", list, &[auth, GZIP], None).await.expect(200);
    let tag = packed.header("etag").unwrap();
    assert!(tag.ends_with("-gzip\""), "{tag}");
    test.call("GET", list, &[auth, GZIP, ("If-None-Match", tag)], None).await.expect(304);
    let body = json!({"title": "Edited?"}).to_string();
    let edit = async |tag| test.call("PUT", &path, &[auth, ("If-Match", tag)], Some(body.as_bytes())).await;
    edit("\"1-gzip\"").await.expect(200);
    assert_eq!(edit("\"1-gzip\"").await.expect(412).problem().code, Code::Stale);
    edit("\"2\"").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_a_proxy_weakened_says_so() {
    let test = Test::new();
    let (path, token) = long_question(&test).await;
    let body = json!({"title": "Edited?"}).to_string();
    for tag in ["W/\"1\"", "W/\"1-gzip\""] {
        let headers = [("Authorization", token.as_str()), ("If-Match", tag)];
        let problem = test.call("PUT", &path, &headers, Some(body.as_bytes())).await.expect(412).problem();
        assert!(problem.detail.contains("proxy"), "{}", problem.detail);
        assert_eq!(problem.code, Code::Stale);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_with_tokens_and_local_mode_are_not_compressed() {
    let test = Test::new();
    test.person("ada").await;
    let body = json!({"email": "ada@example.org", "password": crate::support::PASSWORD}).to_string();
    let login = test.call("POST", "/api/v1/auth/login", &[GZIP], Some(body.as_bytes())).await.expect(200);
    assert!(login.body.len() > 1024 && login.header("content-encoding").is_none());
    assert_eq!(login.header("vary"), None);
    let local = Test::with(Settings { local_only: true, ..Settings::default() });
    let document = local.call("GET", "/openapi.json", &[GZIP], None).await.expect(200);
    assert_eq!(document.header("content-encoding"), None);
}
