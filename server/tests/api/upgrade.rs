//! The data of the previous release under this one: nobody is signed out, and nothing is missing.

use ro_co_server::Settings;
use ro_co_shared::{Login, Timestamp};
use ro_co_tests::previous;
use serde_json::{Value, json};

use crate::support::Test;

const HOUR_MS: i64 = 3_600_000;

/// The application on the previous release's data, an hour after that release had stopped.
fn upgraded() -> (Test, Value) {
    let dir = tempfile::tempdir().unwrap();
    previous::data_directory(dir.path());
    let test = Test::on(dir, Settings { limits: ro_co_server::limits::Policy::Off, ..Settings::default() });
    let record = previous::sessions();
    let made_at: Timestamp = serde_json::from_value(record["madeAt"].clone()).unwrap();
    test.clock.advance(made_at.0 + HOUR_MS - Timestamp::now().0);
    (test, record)
}

fn list<'a>(record: &'a Value, name: &str) -> &'a Vec<Value> {
    record[name].as_array().unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}"))
}

async fn signed_in(test: &Test, record: &Value, email: &str) -> Login {
    let body = json!({"email": email, "password": record["password"]});
    let answer = test.send(None, "POST", "/api/v1/auth/login", body).await.expect(200);
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn sessions_go_on() {
    let (test, record) = upgraded();
    for session in list(&record, "sessions") {
        let token = text(session, "refreshToken");
        match text(session, "state") {
            "ended" => drop(test.refresh(token).await.expect(401)),
            state => {
                if state == "rotated" {
                    // Its answer may have been lost with the old server.
                    let repeated = test.refresh(text(session, "parent")).await.expect(200).json();
                    assert_eq!(text(&repeated, "refreshToken"), token);
                }
                let login: Login =
                    serde_json::from_slice(&test.refresh(token).await.expect(200).body).unwrap();
                assert_eq!(login.id.to_string(), text(session, "user"));
                test.get(&login, "/api/v1/user/me").await.expect(200);
                test.refresh(&login.refresh_token).await.expect(200);
            }
        }
    }
}

#[tokio::test]
async fn every_password_signs_in() {
    let (test, record) = upgraded();
    for account in list(&record, "accounts") {
        let login = signed_in(&test, &record, text(account, "email")).await;
        assert_eq!(
            (login.id.to_string().as_str(), login.username.as_str()),
            (text(account, "id"), text(account, "username"))
        );
    }
}

#[tokio::test]
async fn everything_is_listed_as_before() {
    let (test, record) = upgraded();
    let admin = signed_in(&test, &record, text(&record, "admin")).await;
    for (path, before) in previous::contents().as_object().unwrap() {
        let now = test.get(&admin, &format!("/api/v1{path}")).await.expect(200).json();
        let (before, now) = (before.as_array().unwrap(), now.as_array().unwrap());
        assert_eq!(before.len(), now.len(), "{path}");
        for (before, now) in before.iter().zip(now) {
            contains(path, now, before);
        }
    }
}

/// Fields may be added to an answer; those that were there stay as they are.
#[track_caller]
fn contains(path: &str, now: &Value, before: &Value) {
    let Value::Object(fields) = before else {
        assert_eq!(now, before, "{path}");
        return;
    };
    for (name, value) in fields {
        contains(&format!("{path} {name}"), &now[name], value);
    }
}

#[tokio::test]
async fn a_repeated_create_meets_the_row_of_the_previous_release() {
    let (test, record) = upgraded();
    for create in list(&record, "keyed") {
        let account =
            list(&record, "accounts").iter().find(|account| account["id"] == create["user"]).unwrap();
        let login = signed_in(&test, &record, text(account, "email")).await;
        let headers = [
            ("Authorization", format!("Bearer {}", login.token)),
            ("Content-Type", "application/json".to_owned()),
            ("Idempotency-Key", text(create, "key").to_owned()),
        ];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let path = format!("/api/v1{}", text(create, "path"));
        let body = create["body"].to_string();
        let answer = test.call("POST", &path, &headers, Some(body.as_bytes())).await;
        assert!(answer.status < 300, "{}", answer.json());
        assert_eq!(text(&answer.json(), "id"), text(create, "id"));
    }
}

#[tokio::test]
async fn links_to_next_pages_go_on() {
    let (test, record) = upgraded();
    let login = signed_in(&test, &record, text(&record, "admin")).await;
    for link in list(&record, "cursors") {
        let page = test.get(&login, &format!("/api/v1{}", text(link, "path"))).await.expect(200).json();
        let ids: Vec<_> = page.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        assert_eq!(&ids, list(link, "ids"));
    }
}
