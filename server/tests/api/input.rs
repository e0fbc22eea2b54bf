//! Bad input: the documented status, a problem that names the field, and nothing stored.

use ro_co_shared::Code;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Test};

const CONTROLS: [&str; 5] =
    ["a\u{0}b c d e", "a\u{1b}[31mb c", "a\u{9b}31mb c", "a\u{7f}b c d", "a\u{8}b c d"];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_object_is_malformed() {
    let test = Test::new();
    let token = format!("Bearer {}", test.person("ada").await.token);
    let auth = ("Authorization", token.as_str());
    for bad in [b"".as_slice(), b"{", b"[]", b"\"x\"", b"null", b"{\"title\":\"\xc3\x28\"}", b"\xff\xfe\x00"]
    {
        let answer = test.call("POST", "/api/v1/question", &[auth], Some(bad)).await.expect(400);
        assert_eq!(answer.problem().code, Code::Malformed, "{bad:?}");
    }
    let body = br#"{"title": "Why?"}"#.as_slice();
    for bad in
        ["text/plain", "application/x-www-form-urlencoded", "application/xml", "", "application/problem+json"]
    {
        let headers = [auth, ("Content-Type", bad)];
        let answer = test.call("POST", "/api/v1/question", &headers, Some(body)).await.expect(415);
        assert_eq!(answer.problem().code, Code::UnsupportedMediaType, "{bad:?}");
    }
    let charset = [auth, ("Content-Type", "Application/JSON; charset=utf-8")];
    test.call("POST", "/api/v1/question", &charset, Some(body)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_hears_of_all_its_faults_at_once() {
    let test = Test::new();
    let post = |body: Value| test.send(None, "POST", "/api/v1/auth/signup", body);
    let all = ["username", "email", "password"];
    assert_eq!(post(json!({})).await.expect(400).fields(), all);
    assert_eq!(
        post(json!({"username": 1, "email": null, "password": ["x"]})).await.expect(400).fields(),
        all
    );
    let answer =
        post(json!({"username": "ab", "email": "no", "password": "short", "extra": 1})).await.expect(400);
    assert_eq!(answer.fields(), ["username", "email", "password", "extra"]);
    let long = post(json!({"username": "ada", "email": "a@b.cc", "password": "x".repeat(10_000)})).await;
    assert_eq!(long.expect(400).fields(), ["password"]);
    let nine = post(json!({"username": "ada", "email": "a@b.cc", "password": "kX9!vq2Lt"})).await;
    assert_eq!(nine.expect(400).fields(), ["password"]);
    for control in CONTROLS {
        let answer =
            post(json!({"username": control, "email": format!("{control}@b.cc"), "password": control})).await;
        assert_eq!(answer.expect(400).fields(), all, "{control:?}");
    }
    let body = json!({"username": "ada", "email": "a@b.cc", "password": PASSWORD, "role": "ADMIN"});
    let answer = post(body).await.expect(400);
    assert_eq!((answer.problem().code, answer.fields()), (Code::UnknownField, vec!["role".into()]));
    test.send(None, "GET", "/api/v1/auth/signup/username?username=ada", Value::Null).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_breaks_no_rule() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let post = |body: Value| test.send(Some(&ada), "POST", "/api/v1/question", body);
    for title in ["", "  ", "two\nlines", &"x".repeat(256)] {
        assert_eq!(post(json!({"title": title})).await.expect(400).fields(), ["title"], "{title:?}");
    }
    for control in CONTROLS {
        let answer = post(json!({"title": control, "description": control})).await.expect(400);
        assert_eq!(answer.fields(), ["title", "description"], "{control:?}");
    }
    let answer = post(json!({"title": "Why?", "description": "x".repeat(10_001), "authorId": "me"})).await;
    assert_eq!(answer.expect(400).fields(), ["description", "authorId"]);
    assert_eq!(
        post(json!({"title": "Why?", "description": null})).await.expect(400).fields(),
        ["description"]
    );
    assert_eq!(test.get(&ada, "/api/v1/question/all").await.json(), json!([]), "nothing was stored");
    // The longest a body may be, in the longest way to write it: escaped pairs of surrogates.
    let escaped = format!(r#"{{"title": "Why?", "description": "{}"}}"#, r"\ud83d\ude00".repeat(10_000));
    let token = format!("Bearer {}", ada.token);
    let headers = [("Authorization", token.as_str())];
    test.call("POST", "/api/v1/question", &headers, Some(escaped.as_bytes())).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_a_limit() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let token = format!("Bearer {}", ada.token);
    let headers = [("Authorization", token.as_str())];
    let body = |n: usize| json!({"title": "Why?", "description": "x".repeat(n)}).to_string().into_bytes();
    for (path, size) in
        [("/api/v1/question", 10_000_000), ("/api/v1/question", 262_145), ("/api/v1/auth/login", 16_385)]
    {
        let answer = test.call("POST", path, &headers, Some(&body(size))).await.expect(413);
        assert_eq!(answer.problem().code, Code::TooLarge);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_pages_sizes_and_cursors() {
    let test = Test::new();
    let ada = test.person("ada").await;
    for n in 0..3 {
        test.ask(&ada, &format!("q{n}")).await;
    }
    for path in [
        "question/x",
        "answer/x",
        "user/x",
        "user/x/icon",
        "user/x/icon.png",
        "question/%00",
        "question/..%2f",
    ] {
        assert_eq!(test.get(&ada, &format!("/api/v1/{path}")).await.expect(400).fields(), ["id"], "{path}");
    }
    assert_eq!(test.get(&ada, "/api/v1/answer/all/x").await.expect(400).fields(), ["questionId"]);
    let next = test.get(&ada, "/api/v1/question/all?size=1").await;
    let cursor =
        next.header("link").unwrap().split_once("cursor=").unwrap().1.split_once('&').unwrap().0.to_owned();
    let tampered = format!("{}{}", if cursor.starts_with('A') { "B" } else { "A" }, &cursor[1..]);
    for (query, fields) in [
        ("page=-1".into(), vec!["page"]),
        ("page=-1&size=0".into(), vec!["page", "size"]),
        ("size=101".into(), vec!["size"]),
        ("size=x".into(), vec!["size"]),
        ("page=99999999999999999999".into(), vec!["page"]),
        ("answered=maybe&author=me&total=2".into(), vec!["answered", "author", "total"]),
        (format!("cursor={tampered}"), vec!["cursor"]),
        (format!("cursor={cursor}&page=1"), vec!["cursor"]),
        ("cursor=".into(), vec!["cursor"]),
        (format!("cursor={}", "x".repeat(5000)), vec!["cursor"]),
    ] {
        let answer = test.get(&ada, &format!("/api/v1/question/all?{query}")).await.expect(400);
        assert_eq!(answer.fields(), fields, "{query}");
    }
    let question = test.ask(&ada, "other list").await;
    let elsewhere = format!("/api/v1/answer/all/{question}?cursor={cursor}");
    assert_eq!(
        test.get(&ada, &elsewhere).await.expect(400).fields(),
        ["cursor"],
        "a cursor belongs to its list"
    );
    test.get(&ada, &format!("/api/v1/question/all?cursor={cursor}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_problem_too() {
    let test = Test::new();
    let ada = test.person("ada").await;
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/nowhere", 404),
        ("PATCH", "/api/v1/question/all", 405),
        ("DELETE", "/api/v1/auth/login", 405),
        ("TRACE", "/api/v1/user/me", 405),
    ] {
        let answer = test.send(Some(&ada), method, path, Value::Null).await;
        assert_eq!(answer.status, status, "{method} {path}");
        answer.problem();
        assert_eq!(answer.header("allow").is_some(), status == 405, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_for_people_and_programs() {
    let test = Test::new();
    let page = |path: &'static str| test.call("GET", path, &[], None);
    let document = page("/openapi.json").await.expect(200);
    assert_eq!(document.body, ro_co_server::api::spec().into_bytes());
    let tag = document.header("etag").unwrap();
    test.call("GET", "/openapi.json", &[("If-None-Match", tag)], None).await.expect(304);
    assert!(page("/").await.expect(200).header("link").unwrap().contains("service-desc"));
    let swagger = page("/api.html").await.expect(200);
    let policy = swagger.header("content-security-policy").unwrap();
    assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
    assert!(
        !policy.contains("'unsafe-inline' 'sha") && !String::from_utf8_lossy(&swagger.body).contains("//cdn")
    );
    page("/health/live").await.expect(200);
    page("/health/ready").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_have_known_parameters_once() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let question = format!("/api/v1/question/{}", test.ask(&ada, "Why?").await);
    for (path, fields) in [
        ("/api/v1/question/all?titel=x&size=1", vec!["titel"]),
        ("/api/v1/question/all?size=1&size=2&page=0&page=0", vec!["page", "size"]),
        ("/api/v1/question/all?Size=1", vec!["Size"]),
        ("/api/v1/user/me?x=1&y=2&x=3", vec!["x", "y"]),
        (&format!("{question}?%1B%5B31m=1"), vec!["?[31m"]),
    ] {
        let answer = test.get(&ada, path).await.expect(400);
        assert_eq!(
            (answer.problem().code, answer.fields()),
            (Code::UnknownField, fields.iter().map(|f| (*f).into()).collect()),
            "{path}"
        );
    }
    let open = "/api/v1/auth/signup/username?username=kim&fast=1";
    assert_eq!(test.send(None, "GET", open, Value::Null).await.expect(400).fields(), ["fast"]);
    assert_eq!(
        test.send(Some(&ada), "DELETE", &format!("{question}?content=erase"), Value::Null)
            .await
            .expect(400)
            .fields(),
        ["content"]
    );
    test.get(&ada, &question).await.expect(200);
    // Who asks comes first, and what there is.
    test.send(None, "GET", "/api/v1/user/me?x=1", Value::Null).await.expect(401);
    test.get(&ada, "/api/v1/nowhere?x=1").await.expect(404);
    // Caches are led past an old picture by parameters of all kinds.
    for icon in ["icon?t=123&v=1", "icon.png?t=1&t=2"] {
        test.get(&ada, &format!("/api/v1/user/{}/{icon}", ada.id)).await.expect(200);
    }
    for page in ["/health/live?probe=1", "/openapi.json?x=1", "/?x=1"] {
        test.call("GET", page, &[], None).await.expect(200);
    }
}
