//! A server that a reverse proxy serves under a path.

use ro_co_server::Settings;
use ro_co_shared::{Login, Role};
use serde_json::{Value, json};

use crate::support::Test;

fn test() -> Test {
    Test::with(Settings { base_path: "/roco".parse().unwrap(), ..Settings::default() })
}

/// The path in a `Link` header.
fn link(header: Option<&str>) -> String {
    header.unwrap().split_once('<').unwrap().1.split_once('>').unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_in_responses_begin_with_the_path_and_lead_back() {
    let test = test();
    let account =
        json!({"username": "ada", "email": "ada@example.org", "password": crate::support::PASSWORD});
    let signed_up = test.send(None, "POST", "/roco/api/v1/auth/signup", account.clone()).await.expect(201);
    let credentials = json!({"email": account["email"], "password": account["password"]});
    let login = test.send(None, "POST", "/api/v1/auth/login", credentials).await.expect(200);
    let ada: Login = serde_json::from_slice(&login.body).unwrap();
    test.app.store.set_role(ada.id, Role::Admin).await.unwrap();
    let user = format!("/roco/api/v1/user/{}", ada.id);
    assert_eq!(signed_up.header("location"), Some(&*user));
    let renamed = test.send(Some(&ada), "PUT", "/api/v1/user", json!({"username": "eva"})).await.expect(201);
    assert_eq!(renamed.header("location"), Some(&*user));

    let question = json!({"title": "Why?"});
    let asked = test.send(Some(&ada), "POST", "/roco/api/v1/question", question.clone()).await.expect(201);
    let location = asked.header("location").unwrap();
    assert!(location.starts_with("/roco/api/v1/question/"), "{location}");
    let read = test.get(&ada, location).await.expect(200).json();
    let answer = json!({"description": "So.", "questionID": read["id"]});
    let answered = test.send(Some(&ada), "POST", "/api/v1/answer", answer).await.expect(201);
    assert!(answered.header("location").unwrap().starts_with("/roco/api/v1/answer/"));
    test.send(Some(&ada), "POST", "/api/v1/question", question).await.expect(201);

    let list = test.get(&ada, "/api/v1/question/all?size=1").await.expect(200);
    let next = link(list.header("link"));
    assert!(next.starts_with("/roco/api/v1/question/all?cursor="), "{next}");
    assert_eq!(test.get(&ada, &next).await.expect(200).json().as_array().unwrap().len(), 1);

    for (shown, at) in [
        (login.json(), ""),
        (signed_up.json(), ""),
        (test.get(&ada, "/api/v1/user/me").await.json(), ""),
        (test.get(&ada, "/api/v1/user/all").await.json(), "/0"),
        (read, "/author"),
        (answered.json(), "/author"),
        (list.json(), "/0/author"),
    ] {
        let url = shown.pointer(&format!("{at}/avatarUrl")).and_then(Value::as_str).unwrap().to_owned();
        assert!(url.starts_with(&format!("{user}/icon?v=")), "{url}");
        test.get(&ada, &url).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_taken_with_and_without_the_path() {
    let test = test();
    for base_path in ["", "/roco"] {
        for (path, status) in [
            ("/", 200),
            ("/health/ready", 200),
            ("/api/v1/user/me", 401),
            ("/api/v1/user/me/", 401),
            ("/api/v1/auth/signup/username?username=kim", 200),
            ("/api/v1/auth/signup/username?usrname=kim", 400),
            ("//api/v1/user/me", 404),
            ("/rocox/health/ready", 404),
        ] {
            test.call("GET", &format!("{base_path}{path}"), &[], None).await.expect(status);
        }
    }
    test.call("GET", "/roco", &[], None).await.expect(200);
    test.call("GET", "/roco/roco/health/ready", &[], None).await.expect(404);
    test.call("GET", "/rocohealth/ready", &[], None).await.expect(404);
    let methods = test.call("DELETE", "/roco/api/v1/auth/login", &[], None).await.expect(405);
    assert_eq!(methods.header("allow"), Some("POST"));
    Test::new().call("GET", "/roco/health/ready", &[], None).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_paths_share_one_rate_limit() {
    let test = test();
    let login = |path: &'static str| test.send(None, "POST", path, json!({"email": "x", "password": "x"}));
    for _ in 0..5 {
        login("/roco/api/v1/auth/login").await.expect(401);
    }
    login("/api/v1/auth/login").await.expect(429);
    login("/roco/api/v1/auth/login").await.expect(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_the_pages_name_the_path() {
    let test = test();
    let page = |path: &'static str| test.call("GET", path, &[], None);
    let document = page("/roco/openapi.json").await.expect(200);
    assert_eq!(document.json()["servers"], json!([{"url": "/roco"}]));
    let mut plain: Value = serde_json::from_str(&ro_co_server::api::spec()).unwrap();
    plain["servers"] = document.json()["servers"].clone();
    assert_eq!(document.json(), plain, "nothing else differs");
    let root = page("/").await.expect(200);
    assert!(root.header("link").unwrap().starts_with("</roco/openapi.json>"));
    let root = String::from_utf8(root.body).unwrap();
    assert!(
        root.contains("href=\"/roco/openapi.json\"") && root.contains("href=\"/roco/api.html\""),
        "{root}"
    );
    let swagger = String::from_utf8(page("/roco/api.html").await.expect(200).body).unwrap();
    assert!(swagger.contains("url: '/roco/openapi.json'"));
}
