//! Signing up, names, passwords, pictures, deletion.

use ro_co_shared::Code;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Test};

#[tokio::test(flavor = "multi_thread")]
async fn signing_up_gives_a_user_and_its_address() {
    let test = Test::new();
    let body = json!({"username": "Ada Lovelace", "email": "Ada@Example.org", "password": PASSWORD});
    let answer = test.send(None, "POST", "/api/v1/auth/signup", body).await.expect(201);
    let user = answer.json();
    assert_eq!(user["username"], "Ada Lovelace");
    assert_eq!(user["email"], "Ada@Example.org", "shown as typed");
    assert_eq!(user["role"], "USER");
    assert_eq!(
        answer.header("location"),
        Some(format!("/api/v1/user/{}", user["id"].as_str().unwrap()).as_str())
    );
    assert!(!String::from_utf8_lossy(&answer.body).contains("argon2"));
    let body = json!({"email": "ada@example.ORG", "password": PASSWORD});
    test.send(None, "POST", "/api/v1/auth/login", body).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_or_address_is_named_whatever_its_case() {
    let test = Test::new();
    test.person("ada").await;
    let body = json!({"username": "ADA", "email": "ADA@example.org", "password": PASSWORD});
    let answer = test.send(None, "POST", "/api/v1/auth/signup", body).await.expect(409);
    assert_eq!(
        (answer.problem().code, answer.fields()),
        (Code::Taken, vec!["username".into(), "email".into()])
    );
    test.send(None, "GET", "/api/v1/auth/signup/username?username=Ada", Value::Null).await.expect(409);
    test.send(None, "GET", "/api/v1/auth/signup/username?username=bob", Value::Null).await.expect(200);
    let answer =
        test.send(None, "GET", "/api/v1/auth/signup/username?username=%20b", Value::Null).await.expect(400);
    assert_eq!(answer.fields(), ["username"]);
    test.send(None, "GET", "/api/v1/auth/signup/username", Value::Null).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sign_ups_for_one_name_exactly_one_wins() {
    let test = Test::new();
    for round in 0..5 {
        let sign_up = |n: u8| {
            let body = json!({"username": format!("twin{round}"), "email": format!("{n}.{round}@example.org"), "password": PASSWORD});
            test.send(None, "POST", "/api/v1/auth/signup", body)
        };
        let (a, b) = tokio::join!(sign_up(1), sign_up(2));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn others_see_public_fields_only() {
    let test = Test::new();
    let (ada, bob, root) = (test.person("ada").await, test.person("bob").await, test.admin("grace").await);
    let path = format!("/api/v1/user/{}", ada.id);
    let seen = test.get(&bob, &path).await.expect(200).json();
    let fields: Vec<_> = seen.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields.len(), 3, "{fields:?}");
    for field in ["id", "username", "avatarUrl"] {
        assert!(fields.contains(&field));
    }
    assert_eq!(test.get(&ada, &path).await.expect(200).json()["email"], "ada@example.org");
    assert_eq!(test.get(&root, &path).await.expect(200).json()["email"], "ada@example.org");
    assert_eq!(
        test.get(&ada, "/api/v1/user/me").await.expect(200).json(),
        test.get(&ada, &path).await.json()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_stays() {
    let test = Test::new();
    let (grace, hedy) = (test.admin("grace").await, test.admin("hedy").await);
    test.send(Some(&grace), "DELETE", &format!("/api/v1/user/{}", hedy.id), Value::Null).await.expect(200);
    let delete = json!({"password": PASSWORD});
    let refused = test.send(Some(&grace), "POST", "/api/v1/user/me/delete", delete).await.expect(409);
    assert_eq!(refused.json()["code"], "last_admin");
    test.get(&grace, "/api/v1/user/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_keeps_the_picture_and_a_new_picture_is_another_one() {
    let test = Test::new();
    let ada = test.person("ada").await;
    test.person("bob").await;
    let icon = format!("/api/v1/user/{}/icon", ada.id);
    let before = test.get(&ada, &icon).await.expect(200);
    assert_eq!(before.header("content-type"), Some("image/svg+xml"));
    assert!(before.body.starts_with(b"<svg"));

    for path in ["/api/v1/user", "/api/v1/user/"] {
        let renamed =
            test.send(Some(&ada), "PUT", path, json!({"username": "Countess"})).await.expect(201).json();
        assert_eq!(
            (&renamed["username"], &renamed["avatarUrl"]),
            (&json!("Countess"), &json!(ada.avatar_url))
        );
    }
    assert_eq!(test.get(&ada, &icon).await.body, before.body);
    let answer = test.send(Some(&ada), "PUT", "/api/v1/user", json!({"username": "BOB"})).await.expect(409);
    assert_eq!(answer.fields(), ["username"]);

    let new = test.send(Some(&ada), "PUT", "/api/v1/user/icon", Value::Null).await.expect(200);
    assert!(new.body.starts_with(b"<svg"));
    assert_ne!(new.body, before.body);
    assert_eq!(test.get(&ada, &icon).await.body, new.body);
    let me = test.get(&ada, "/api/v1/user/me").await.json();
    assert_ne!(me["avatarUrl"], ada.avatar_url, "a new picture has a new address");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_at_hand_is_not_sent_again() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let token = format!("Bearer {}", ada.token);
    for (path, magic) in [("icon", b"<svg".as_slice()), ("icon.png?size=64", b"\x89PNG")] {
        let path = format!("/api/v1/user/{}/{path}", ada.id);
        let first = test.get(&ada, &path).await.expect(200);
        assert!(first.body.starts_with(magic));
        let tag = first.header("etag").unwrap();
        let headers = [("Authorization", token.as_str()), ("If-None-Match", tag)];
        let again = test.call("GET", &path, &headers, None).await.expect(304);
        assert!(again.body.is_empty());
        assert_eq!(again.header("etag"), Some(tag));
    }
    let cache = async |query: &str| {
        let path = format!("/api/v1/user/{}/{query}", ada.id);
        test.get(&ada, &path).await.expect(200).header("cache-control").unwrap().to_owned()
    };
    test.send(Some(&ada), "PUT", "/api/v1/user/icon", Value::Null).await.expect(200);
    for kind in ["icon?", "icon.png?size=32&"] {
        assert_eq!(cache(&format!("{kind}v=2")).await, "private, max-age=86400");
        for other in ["v=1", "v=3", ""] {
            assert_eq!(cache(&format!("{kind}{other}")).await, "private, no-cache", "{kind}{other}");
        }
    }
    for size in ["15", "257", "x", "-1"] {
        let path = format!("/api/v1/user/{}/icon.png?size={size}", ada.id);
        assert_eq!(test.get(&ada, &path).await.expect(400).fields(), ["size"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_the_other_sessions() {
    let test = Test::new();
    let here = test.person("ada").await;
    let there = test.login("ada").await;
    let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});
    let path = "/api/v1/user/password";
    let wrong =
        test.send(Some(&here), "PUT", path, change("not the password", "quite another sentence")).await;
    assert_eq!(wrong.expect(403).fields(), ["currentPassword"]);
    let weak = test.send(Some(&here), "PUT", path, change(PASSWORD, "ada@example.org")).await;
    assert_eq!(weak.expect(400).fields(), ["newPassword"]);
    test.send(Some(&here), "PUT", path, change(PASSWORD, "quite another sentence")).await.expect(200);
    test.get(&here, "/api/v1/user/me").await.expect(200);
    assert_eq!(test.get(&there, "/api/v1/user/me").await.expect(401).problem().code, Code::SessionEnded);
    test.refresh(&there.refresh_token).await.expect(401);
    test.refresh(&here.refresh_token).await.expect(200);
    let old = json!({"email": "ada@example.org", "password": PASSWORD});
    test.send(None, "POST", "/api/v1/auth/login", old).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_an_account_keeps_or_erases_its_content() {
    let test = Test::new();
    let (ada, bob, reader) = (test.person("ada").await, test.person("bob").await, test.person("eve").await);
    let kept = test.ask(&ada, "Kept?").await;
    let erased = test.ask(&bob, "Erased?").await;
    let under_erased = test.answer(&ada, &erased, "goes too").await;
    let path = "/api/v1/user/me/delete";
    let wrong = test.send(Some(&ada), "POST", path, json!({"password": "not the password"})).await;
    assert_eq!(wrong.expect(403).fields(), ["password"]);
    test.send(Some(&ada), "POST", path, json!({"password": PASSWORD})).await.expect(200);
    test.send(Some(&bob), "POST", path, json!({"password": PASSWORD, "content": "erase"})).await.expect(200);

    test.get(&ada, "/api/v1/user/me").await.expect(401);
    test.refresh(&ada.refresh_token).await.expect(401);
    let question = test.get(&reader, &format!("/api/v1/question/{kept}")).await.expect(200).json();
    assert_eq!(question["author"]["username"], "deleted user");
    let author = question["author"]["id"].as_str().unwrap();
    test.get(&reader, &format!("/api/v1/user/{author}")).await.expect(200);
    test.get(&reader, &format!("/api/v1/user/{author}/icon")).await.expect(200);
    test.get(&reader, &format!("/api/v1/question/{erased}")).await.expect(404);
    test.get(&reader, &format!("/api/v1/answer/{under_erased}")).await.expect(404);
    test.person("ada").await;
}
