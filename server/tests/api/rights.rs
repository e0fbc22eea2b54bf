//! Every operation of the document against every kind of caller: nothing is left out, for the list comes from the
//! document itself.

use ro_co_shared::Login;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Test, operations};

/// What an operation answers to: nobody, another user, the owner, an admin.
struct Expected {
    other: u16,
    owner: u16,
    admin: u16,
}

/// `None` for operations that need no access token.
fn expected(operation: &str) -> Option<Expected> {
    let row = |other, owner, admin| Some(Expected { other, owner, admin });
    match operation {
        "signUp" | "checkUsername" | "login" | "logout" | "refresh" | "live" | "ready" => None,
        "me" | "getUser" | "getIcon" | "getIconPng" | "newIcon" | "listQuestions" | "getQuestion"
        | "listAnswers" | "getAnswer" | "changePassword" | "deleteMe" => row(200, 200, 200),
        "changeUsername" | "createQuestion" | "createAnswer" => row(201, 201, 201),
        "updateQuestion" | "setQuestionStatus" | "deleteQuestion" | "updateAnswer" | "deleteAnswer" => {
            row(403, 200, 200)
        }
        "listUsers" | "deleteUser" => row(403, 403, 200),
        other => panic!("{other} is new: say here who may do it"),
    }
}

/// A body that the operation accepts.
fn body(operation: &str, question: &str) -> Value {
    match operation {
        "changeUsername" => json!({"username": format!("n{}", uuid::Uuid::new_v4().simple())}),
        "changePassword" => json!({"currentPassword": PASSWORD, "newPassword": "quite another sentence"}),
        "deleteMe" => json!({"password": PASSWORD}),
        "createQuestion" | "updateQuestion" => json!({"title": "Why?"}),
        "setQuestionStatus" => json!({"answered": true}),
        "createAnswer" => json!({"description": "Because.", "questionID": question}),
        "updateAnswer" => json!({"description": "Because."}),
        _ => Value::Null,
    }
}

struct World {
    test: Test,
    owner: Login,
    other: Login,
    admin: Login,
    question: String,
    answer: String,
}

impl World {
    async fn new() -> Self {
        let test = Test::new();
        let (owner, other, admin) =
            (test.person("owner").await, test.person("other").await, test.admin("grace").await);
        // The last admin cannot delete their account.
        test.admin("hedy").await;
        let question = test.ask(&owner, "Why?").await;
        let answer = test.answer(&owner, &question, "Because.").await;
        Self { test, owner, other, admin, question, answer }
    }

    fn path(&self, template: &str) -> String {
        let id = match template {
            t if t.starts_with("/api/v1/question") => &self.question,
            t if t.starts_with("/api/v1/answer") => &self.answer,
            _ => &self.owner.id.to_string(),
        };
        let path = template.replace("{id}", id).replace("{questionId}", &self.question);
        assert!(!path.contains('{'), "{template}");
        path
    }

    async fn status(&self, token: Option<&str>, template: &str, method: &str, operation: &str) -> u16 {
        let token = token.map(|t| format!("Bearer {t}"));
        let headers: Vec<_> = token.iter().map(|t| ("Authorization", t.as_str())).collect();
        let body = body(operation, &self.question);
        let body = (!body.is_null()).then(|| body.to_string().into_bytes());
        self.test.call(method, &self.path(template), &headers, body.as_deref()).await.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_against_every_kind_of_caller() {
    for (path, method, document) in operations() {
        let operation = document["operationId"].as_str().unwrap();
        let Some(expected) = expected(operation) else { continue };
        let at = format!("{operation} ({method} {path})");

        // Nobody gets in, whatever they send: garbage without a token is 401 too, not 400.
        let world = World::new().await;
        assert_eq!(world.status(None, &path, &method, operation).await, 401, "{at}: no token");
        let garbage = world.test.call(&method, &world.path(&path), &[], Some(b"{garbage")).await;
        assert_eq!(garbage.status, 401, "{at}: garbage without a token");
        let refresh = world.owner.refresh_token.as_str();
        assert_eq!(world.status(Some(refresh), &path, &method, operation).await, 401, "{at}: refresh token");
        world.test.clock.advance(16 * 60_000);
        assert_eq!(
            world.status(Some(&world.owner.token), &path, &method, operation).await,
            401,
            "{at}: expired"
        );

        for (who, status) in [("other", expected.other), ("owner", expected.owner), ("admin", expected.admin)]
        {
            let world = World::new().await;
            let login = match who {
                "other" => &world.other,
                "owner" => &world.owner,
                _ => &world.admin,
            };
            let before = world.snapshot().await;
            assert_eq!(
                world.status(Some(&login.token), &path, &method, operation).await,
                status,
                "{at}: {who}"
            );
            if status == 403 {
                assert_eq!(world.snapshot().await, before, "{at}: refused, and yet something changed");
            }
        }
    }
}

impl World {
    async fn snapshot(&self) -> [Value; 3] {
        let read = |path: String| async move { self.test.get(&self.owner, &path).await.expect(200).json() };
        [
            read(format!("/api/v1/question/{}", self.question)).await,
            read(format!("/api/v1/answer/{}", self.answer)).await,
            read("/api/v1/user/me".into()).await,
        ]
    }
}
