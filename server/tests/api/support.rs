//! The whole application in this process: real store, real keys, a clock that can be moved, no socket.

use std::{sync::LazyLock, time::Duration};

use poem::{Endpoint, Request, http::Method};
use ro_co_server::{
    App, Service, Settings,
    avatar::{Avatars, Source},
    clock::Clock,
    keys::Keys,
    secret::Secret,
    store::sqlite::Sqlite,
};
use ro_co_shared::{Login, Problem, Role};
use serde_json::{Value, json};
use std::sync::Arc;

/// A password that passes the rule.
pub(crate) const PASSWORD: &str = "seven wooden marbles roll";

/// The document that every answer is held against.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&ro_co_server::api::spec()).unwrap());

pub(crate) struct Test {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Clock,
    service: Service,
    _dir: tempfile::TempDir,
}

/// An answer, already checked against the document.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: poem::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The fields a problem names.
    pub(crate) fn fields(&self) -> Vec<String> {
        self.problem().errors.into_iter().map(|e| e.field).collect()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

impl Test {
    pub(crate) fn new() -> Self {
        Self::with(Settings { recheck: Duration::ZERO, ..Settings::default() })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::on(tempfile::tempdir().unwrap(), settings)
    }

    /// With the data in this directory.
    pub(crate) fn on(dir: tempfile::TempDir, settings: Settings) -> Self {
        let store: Arc<dyn ro_co_server::store::Store> = Arc::new(Sqlite::open(dir.path()).unwrap());
        let keys = Keys::new(&Secret::read_or_make(dir.path()).unwrap()).unwrap();
        let clock = Clock::default();
        let avatars = Avatars::new(store.clone(), Source::Builtin);
        let app = App::new(store, keys, avatars, clock.clone(), settings);
        Self { service: app.service(), app, clock, _dir: dir }
    }

    /// A request; the answer is checked against what the document says of this operation.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        let mut request =
            Request::builder().method(method.parse::<Method>().unwrap()).uri(path.parse().unwrap());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) if headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("content-type")) => {
                request.body(body.to_vec())
            }
            Some(body) => request.content_type("application/json").body(body.to_vec()),
            None => request.finish(),
        };
        let response = self.service.get_response(request).await;
        let (parts, body) = response.into_parts();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.into_vec().await.unwrap(),
        };
        check(method, path, &answer);
        answer
    }

    pub(crate) async fn send(&self, who: Option<&Login>, method: &str, path: &str, body: Value) -> Answer {
        let token = who.map(|w| format!("Bearer {}", w.token));
        let headers: Vec<_> = token.iter().map(|t| ("Authorization", t.as_str())).collect();
        let body = if body.is_null() { None } else { Some(body.to_string().into_bytes()) };
        self.call(method, path, &headers, body.as_deref()).await
    }

    pub(crate) async fn get(&self, who: &Login, path: &str) -> Answer {
        self.send(Some(who), "GET", path, Value::Null).await
    }

    /// Signs somebody up and in.
    pub(crate) async fn person(&self, name: &str) -> Login {
        let email = format!("{name}@example.org");
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        self.send(None, "POST", "/api/v1/auth/signup", body).await.expect(201);
        self.login(name).await
    }

    pub(crate) async fn login(&self, name: &str) -> Login {
        let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        let answer = self.send(None, "POST", "/api/v1/auth/login", body).await.expect(200);
        serde_json::from_slice(&answer.body).unwrap()
    }

    pub(crate) async fn admin(&self, name: &str) -> Login {
        let login = self.person(name).await;
        self.app.store.set_role(login.id, Role::Admin).await.unwrap();
        login
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let token = format!("Bearer {token}");
        self.call("POST", "/api/v1/auth/refresh", &[("Authorization", &token)], None).await
    }

    pub(crate) async fn refresh_with(&self, token: &str, key: &str) -> Answer {
        let token = format!("Bearer {token}");
        let headers = [("Authorization", token.as_str()), ("Idempotency-Key", key)];
        self.call("POST", "/api/v1/auth/refresh", &headers, None).await
    }

    /// Asks; returns the question's id.
    pub(crate) async fn ask(&self, who: &Login, title: &str) -> String {
        let answer =
            self.send(Some(who), "POST", "/api/v1/question", json!({"title": title})).await.expect(201);
        answer.json()["id"].as_str().unwrap().into()
    }

    /// Answers; returns the answer's id.
    pub(crate) async fn answer(&self, who: &Login, question: &str, text: &str) -> String {
        let body = json!({"description": text, "questionID": question});
        let answer = self.send(Some(who), "POST", "/api/v1/answer", body).await.expect(201);
        answer.json()["id"].as_str().unwrap().into()
    }
}

/// What holds for every answer, and that the document knows this status for this operation.
#[track_caller]
fn check(method: &str, path: &str, answer: &Answer) {
    let at = format!("{method} {path} -> {}", answer.status);
    assert!(answer.header("x-request-id").is_some(), "{at}: no request id");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{at}");
    assert_ne!(answer.status, 500, "{at}: {}", String::from_utf8_lossy(&answer.body));
    if answer.status >= 400 {
        let problem = answer.problem();
        assert_eq!(problem.status, i32::from(answer.status), "{at}");
        assert_eq!(problem.error_message, problem.detail, "{at}");
        assert_eq!(problem.instance, format!("urn:uuid:{}", answer.header("x-request-id").unwrap()), "{at}");
        assert_eq!(answer.header("www-authenticate"), (answer.status == 401).then_some("Bearer"), "{at}");
    }
    let path = path.split('?').next().unwrap().trim_end_matches('/');
    if let Some(operation) = operation(method, path) {
        let documented = &operation["responses"][answer.status.to_string()];
        assert!(!documented.is_null(), "{at} is not documented");
    }
}

/// The documented operation this request means, if there is one. Exact paths win over templates.
pub(crate) fn operation(method: &str, path: &str) -> Option<Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fits = |template: &str| {
        let (t, p): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        t.len() == p.len() && t.iter().zip(&p).all(|(t, p)| t == p || t.starts_with('{'))
    };
    let exact = paths.get(path).map(|o| &o[method.to_lowercase()]).filter(|o| !o.is_null());
    let template = || {
        paths.iter().filter(|(t, _)| fits(t)).map(|(_, o)| &o[method.to_lowercase()]).find(|o| !o.is_null())
    };
    exact.or_else(template).cloned()
}

/// All documented operations: path, method, operation.
pub(crate) fn operations() -> Vec<(String, String, Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap();
        methods.iter().map(move |(method, op)| (path.clone(), method.to_uppercase(), op.clone()))
    });
    all.collect()
}
