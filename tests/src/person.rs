//! A signed-in user of the HTTP API.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};

use crate::{
    http::{Reply, Request},
    server::Server,
};

/// A password that every rule accepts.
pub const PASSWORD: &str = "seven wooden marbles";

/// A signed-in user.
#[derive(Clone, Debug)]
pub struct Person {
    /// Where their server listens.
    pub server: SocketAddr,
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// The email address they sign in with.
    pub email: String,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh: String,
}

impl Person {
    /// Signs up under this name and signs in.
    #[track_caller]
    pub fn sign_up(server: &Server, name: &str) -> Self {
        let email = format!("{}@example.org", name.to_lowercase().replace(' ', "."));
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        server.send(&Request::new("POST", "/api/v1/auth/signup").json(&body)).expect(201);
        Self::sign_in(server, &email)
    }

    /// Signs up under an unused name.
    #[track_caller]
    pub fn anybody(server: &Server) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        Self::sign_up(server, &format!("somebody {}", NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    /// Signs in to an account that exists, with [`PASSWORD`].
    #[track_caller]
    pub fn sign_in(server: &Server, email: &str) -> Self {
        let body = json!({"email": email, "password": PASSWORD});
        let reply = server.send(&Request::new("POST", "/api/v1/auth/login").json(&body)).expect(200).json();
        let text =
            |field: &str| reply[field].as_str().unwrap_or_else(|| panic!("no {field}: {reply}")).to_owned();
        Self {
            server: server.address,
            id: text("id"),
            name: text("username"),
            email: email.into(),
            token: text("token"),
            refresh: text("refreshToken"),
        }
    }

    /// The same person with the same tokens, where the server listens now.
    pub fn at(&self, server: &Server) -> Self {
        Self { server: server.address, ..self.clone() }
    }

    /// A request with this person's access token; `path` from behind `/api/v1`.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("/api/v1{path}")).bearer(&self.token)
    }

    /// Sends what [`Person::request`] made.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Reply {
        request.send(self.server).unwrap_or_else(|e| panic!("no answer ({e}) to {request:.200?}"))
    }

    /// Reads.
    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.send(&self.request("GET", path))
    }

    /// Creates.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(&self.request("POST", path).json(body))
    }

    /// Replaces.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(&self.request("PUT", path).json(body))
    }

    /// Deletes.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Reply {
        self.send(&self.request("DELETE", path))
    }

    /// Asks a question; its id.
    #[track_caller]
    pub fn ask(&self, title: &str) -> String {
        let question = self.post("/question", &json!({"title": title})).expect(201).json();
        question["id"].as_str().unwrap().to_owned()
    }

    /// Answers a question; the answer's id.
    #[track_caller]
    pub fn answer(&self, question: &str, text: &str) -> String {
        let body = json!({"description": text, "questionID": question});
        self.post("/answer", &body).expect(201).json()["id"].as_str().unwrap().to_owned()
    }

    /// The newest questions, up to 100.
    #[track_caller]
    pub fn questions(&self) -> Vec<Value> {
        let list = self.get("/question/all?size=100").expect(200).json();
        list.as_array().unwrap().clone()
    }
}
