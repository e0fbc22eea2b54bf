//! Invalid requests as HTTP has them: sizes, cut-off bodies, heads, paths, methods, tokens.

use std::{
    io::{BufReader, Write},
    net::{Shutdown, TcpStream},
};

use ro_co_shared::Code;
use ro_co_tests::{Reply, Request, http::exchange};
use serde_json::json;

use super::with_server;

#[test]
fn bodies_of_ten_megabytes() {
    with_server(|server, ada| {
        let big = json!({"title": "x".repeat(10 << 20)}).to_string();
        ada.send(&ada.request("POST", "/question").raw_json(big.clone())).problem(413);
        server.send(&Request::new("POST", "/api/v1/auth/login").raw_json(big.clone())).problem(413);
        // Chunked, without a Content-Length.
        let head = format!(
            "POST /api/v1/question HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            ada.token
        );
        let chunks = format!("{head}{:x}\r\n{big}\r\n0\r\n\r\n", big.len());
        exchange(server.address, chunks.as_bytes()).unwrap().problem(413);
        let over_auth = json!({"email": "a@b.de", "password": "x".repeat(17 << 10)}).to_string();
        server.send(&Request::new("POST", "/api/v1/auth/login").raw_json(over_auth)).problem(413);
    });
}

/// The head of a request that announces a body.
fn head(method: &str, path: &str, headers: &[&str]) -> String {
    let headers = headers.concat();
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

#[test]
fn refusals_do_not_wait_for_the_body() {
    with_server(|server, ada| {
        let token = format!("Authorization: Bearer {}\r\n", ada.token);
        let (json, long) = ("Content-Type: application/json\r\n", "Content-Length: 262145\r\n");
        let cases = [
            (404, head("POST", "/nowhere", &[&token, json, long])),
            (404, head("POST", "//api/v1/auth/login", &[json, "Content-Length: 100000\r\n"])),
            (404, head("POST", "/api/v1//auth/login", &[json, "Content-Length: 9\r\n"])),
            (405, head("POST", "/api/v1/question/all", &[&token, json, long])),
            (401, head("POST", "/api/v1/question", &[json, "Content-Length: 9\r\n"])),
            (401, head("POST", "/api/v1/question", &[json, long])),
            (415, head("POST", "/api/v1/question", &[&token, "Content-Type: text/plain\r\n", long])),
            (413, head("POST", "/api/v1/question", &[&token, json, long])),
            (413, head("POST", "/api/v1/auth/login", &[json, "Content-Length: 16385\r\n"])),
            (413, head("POST", "/api/v1/auth/login/", &[json, "Content-Length: 16385\r\n"])),
        ];
        for (status, head) in cases {
            let reply = exchange(server.address, head.as_bytes()).unwrap();
            reply.problem(status);
            assert_eq!(reply.header("connection"), Some("close"), "{head}");
        }
    });
}

#[test]
fn bodies_that_are_cut_off_or_malformed() {
    with_server(|server, ada| {
        let token = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", ada.token);
        for (coding, body) in [
            ("Content-Length: 100\r\n", "{\"title\": \"Cut"),
            ("Content-Length: 100\r\n", ""),
            ("Transfer-Encoding: chunked\r\n", "5\r\n{\"tit"),
            ("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"),
        ] {
            let stream = TcpStream::connect(server.address).unwrap();
            let request = head("POST", "/api/v1/question", &[&token, coding]) + body;
            (&stream).write_all(request.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let reply = Reply::read(&mut BufReader::new(&stream)).unwrap();
            assert_eq!(reply.problem(400).code, Code::Malformed, "{coding}{body}");
        }
    });
}

#[test]
fn heads_that_are_too_long() {
    with_server(|server, ada| {
        let long = "x".repeat(300 << 10);
        let head = ada.request("GET", "/question/all").header("X-Long", &long);
        assert_eq!(ada.send(&head).status, 431);
        let path =
            exchange(server.address, format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        assert!(matches!(path.status, 414 | 431), "{}", path.status);
        let mut many = ada.request("GET", "/question/all");
        for n in 0..2_000 {
            many = many.header(&format!("X-{n}"), "y");
        }
        assert_eq!(ada.send(&many).status, 431);
    });
}

#[test]
fn requests_that_are_not_http() {
    with_server(|server, _| {
        for bad in [
            "\r\n\r\nnonsense\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n",
            "\x16\x03\x01\x02\0\x01\0",
            "GET\0/ HTTP/1.1\r\n\r\n",
        ] {
            let answer = exchange(server.address, format!("{bad}\r\n\r\n").as_bytes());
            // An invalid request line gets a bare 400 or a closed connection, never content.
            assert!(
                answer.as_ref().is_ok_and(|a| a.status == 400 || a.status == 505) || answer.is_err(),
                "{answer:?}"
            );
        }
    });
}

#[test]
fn unknown_paths_and_methods() {
    with_server(|server, ada| {
        server.open("/nowhere").problem(404);
        ada.get("/nowhere").problem(404);
        let patch = ada.send(&ada.request("PATCH", "/question"));
        patch.problem(405);
        ada.send(&ada.request("POST", "/question/all")).problem(405);
    });
}

#[test]
fn tokens_that_are_not_tokens() {
    with_server(|server, ada| {
        let me = |token: &str| server.send(&Request::new("GET", "/api/v1/user/me").bearer(token));
        let (head, rest) = ada.token.split_once('.').unwrap();
        let unsigned = format!("{head}.{}.", rest.split('.').next().unwrap());
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.";
        for bad in ["", "x", "a.b.c", &unsigned, none, &ada.token[1..], &ada.refresh, &"x".repeat(9_000)] {
            let reply = me(bad);
            reply.problem(401);
            assert!(reply.header("www-authenticate").is_some_and(|h| h.starts_with("Bearer")), "{bad:.40}");
        }
        let as_refresh = Request::new("POST", "/api/v1/auth/refresh").bearer(&ada.token);
        server.send(&as_refresh).problem(401);
        server
            .send(&Request::new("GET", "/api/v1/user/me").header("Cookie", &format!("token={}", ada.token)))
            .problem(401);
    });
}

#[test]
fn headers_that_are_no_text() {
    with_server(|_, ada| {
        let create = ada.request("POST", "/question").header("Idempotency-Key", "schlüssel");
        let refused = ada.send(&create.json(&json!({"title": "Twice?"})));
        assert_eq!(refused.wrong_fields(400), ["Idempotency-Key"]);
        let path = format!("/question/{}", ada.questions()[0]["id"].as_str().unwrap());
        let edit = ada.request("PUT", &path).header("If-Match", "\"ä\"").json(&json!({"title": "Lost"}));
        assert_eq!(ada.send(&edit).wrong_fields(400), ["If-Match"], "taken for absent, it would overwrite");
    });
}
