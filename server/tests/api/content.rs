//! Questions and answers: all four letters of CRUD, lists, tags, repeats.

use ro_co_server::{
    keys::sha256,
    store::{self, CreatedAt},
};
use ro_co_shared::{Code, QuestionId, QuestionText};
use serde_json::{Value, json};

use crate::support::Test;

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_read_edited_marked_and_deleted() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let body = json!({"title": "  Why?  ", "description": "a\r\nb", "authorId": ada.id});
    let made = test.send(Some(&ada), "POST", "/api/v1/question", body).await.expect(201);
    let path = made.header("location").unwrap().to_owned();
    let question = made.json();
    assert_eq!((&question["title"], &question["description"]), (&json!("Why?"), &json!("a\nb")));
    assert_eq!((&question["answered"], &question["answerCount"]), (&json!(false), &json!(0)));
    assert_eq!(question["createdAt"], question["updatedAt"]);
    assert_eq!(question["author"]["username"], "ada");
    assert_eq!(test.get(&ada, &path).await.expect(200).json(), question);

    test.clock.advance(1000);
    let edited = test.send(Some(&ada), "PUT", &path, json!({"title": "Why not?"})).await.expect(200).json();
    assert_eq!(edited["title"], "Why not?");
    assert!(edited.get("description").is_none(), "a field without a value is left out: {edited}");
    assert_ne!(edited["updatedAt"], edited["createdAt"]);

    let status = format!("{path}/status");
    let marked = test.send(Some(&ada), "PUT", &status, json!({"answered": true})).await.expect(200).json();
    assert_eq!((&marked["answered"], &marked["updatedAt"]), (&json!(true), &edited["updatedAt"]));

    let id = question["id"].as_str().unwrap();
    let answer = test.answer(&ada, id, "Because.").await;
    assert_eq!(test.get(&ada, &path).await.json()["answerCount"], 1);
    let deleted = test.send(Some(&ada), "DELETE", &path, Value::Null).await.expect(200);
    assert!(deleted.body.is_empty());
    test.get(&ada, &path).await.expect(404);
    test.get(&ada, &format!("/api/v1/answer/{answer}")).await.expect(404);
    test.send(Some(&ada), "DELETE", &path, Value::Null).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_oldest_first_and_count() {
    let test = Test::new();
    let (ada, bob) = (test.person("ada").await, test.person("bob").await);
    let question = test.ask(&ada, "Why?").await;
    for n in 0..3 {
        test.clock.advance(10);
        test.answer(&bob, &question, &format!("answer {n}")).await;
    }
    let list = test.get(&ada, &format!("/api/v1/answer/all/{question}")).await.expect(200).json();
    let texts: Vec<_> = list.as_array().unwrap().iter().map(|a| a["description"].as_str().unwrap()).collect();
    assert_eq!(texts, ["answer 0", "answer 1", "answer 2"]);
    assert_eq!(list[0]["questionID"], question);
    let path = format!("/api/v1/answer/{}", list[0]["id"].as_str().unwrap());
    test.send(Some(&bob), "PUT", &path, json!({"description": "better"})).await.expect(200);
    assert_eq!(test.get(&ada, &path).await.json()["description"], "better");
    test.send(Some(&bob), "DELETE", &path, Value::Null).await.expect(200);
    assert_eq!(test.get(&ada, &format!("/api/v1/question/{question}")).await.json()["answerCount"], 2);
    let nowhere = json!({"description": "x", "questionID": ro_co_shared::QuestionId::new()});
    test.send(Some(&bob), "POST", "/api/v1/answer", nowhere).await.expect(404);
    test.get(&bob, &format!("/api/v1/answer/all/{}", ro_co_shared::QuestionId::new())).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_by_cursor_meet_every_question_once_while_new_ones_come_in() {
    let test = Test::new();
    let ada = test.person("ada").await;
    // Three at a time share a millisecond: the id breaks the tie.
    for n in 0..25 {
        if n % 3 == 0 {
            test.clock.advance(1);
        }
        test.ask(&ada, &format!("question {n}")).await;
    }
    let mut path = "/api/v1/question/all?size=4".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = test.get(&ada, &path).await.expect(200);
        seen.extend(page.json().as_array().unwrap().iter().map(|q| q["id"].as_str().unwrap().to_owned()));
        test.ask(&ada, "newer").await;
        let Some(link) = page.header("link") else { break };
        assert!(link.ends_with("; rel=\"next\""));
        path = link[1..link.find('>').unwrap()].to_owned();
    }
    let mut unique = seen.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((seen.len(), unique.len()), (25, 25));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_by_page_filter_and_count() {
    let test = Test::new();
    let (ada, bob) = (test.person("ada").await, test.person("bob").await);
    for n in 0..5 {
        test.clock.advance(1);
        let id = test.ask(if n < 3 { &ada } else { &bob }, &format!("q{n}")).await;
        if n == 0 {
            let path = format!("/api/v1/question/{id}/status");
            test.send(Some(&ada), "PUT", &path, json!({"answered": true})).await.expect(200);
        }
    }
    let titles = |path: String| {
        let (test, ada) = (&test, &ada);
        async move {
            let list = test.get(ada, &format!("/api/v1/question/all?{path}")).await.expect(200).json();
            list.as_array()
                .unwrap()
                .iter()
                .map(|q| q["title"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(titles("size=2".into()).await, ["q4", "q3"]);
    assert_eq!(titles("page=2&size=2".into()).await, ["q0"]);
    assert_eq!(titles("page=9&size=2".into()).await, [] as [&str; 0]);
    assert_eq!(titles("answered=true".into()).await, ["q0"]);
    assert_eq!(titles(format!("author={}&answered=false", ada.id)).await, ["q2", "q1"]);
    let counted = test.get(&ada, &format!("/api/v1/question/all?total=true&size=1&author={}", ada.id)).await;
    assert_eq!(counted.header("x-total-count"), Some("3"));
    assert!(counted.header("link").unwrap().contains(&format!("&author={}", ada.id)));
    assert_eq!(test.get(&ada, "/api/v1/question/all").await.header("x-total-count"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_did_not_change_is_not_sent_again() {
    let test = Test::new();
    let ada = test.person("ada").await;
    test.ask(&ada, "Why?").await;
    let token = format!("Bearer {}", ada.token);
    let tag = test.get(&ada, "/api/v1/question/all").await.header("etag").unwrap().to_owned();
    let headers = [("Authorization", token.as_str()), ("If-None-Match", tag.as_str())];
    let same = test.call("GET", "/api/v1/question/all", &headers, None).await.expect(304);
    assert!(same.body.is_empty());
    test.ask(&ada, "Why not?").await;
    test.call("GET", "/api/v1/question/all", &headers, None).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_editors_never_overwrite_each_other_unseen() {
    let test = Test::new();
    let (ada, root) = (test.person("ada").await, test.admin("grace").await);
    let question = test.ask(&ada, "Why?").await;
    let path = format!("/api/v1/question/{question}");
    let tag = test.get(&ada, &path).await.header("etag").unwrap().to_owned();
    let edit = |token: String, title: &'static str, tag: String| {
        let (test, path) = (&test, &path);
        async move {
            let token = format!("Bearer {token}");
            let headers = [("Authorization", token.as_str()), ("If-Match", tag.as_str())];
            test.call("PUT", path, &headers, Some(json!({"title": title}).to_string().as_bytes())).await
        }
    };
    let first = edit(ada.token.clone(), "mine", tag.clone()).await.expect(200);
    let second = edit(root.token.clone(), "theirs", tag).await.expect(412);
    assert_eq!(second.problem().code, Code::Stale);
    assert_eq!(test.get(&ada, &path).await.json()["title"], "mine");
    edit(root.token.clone(), "theirs", first.header("etag").unwrap().into()).await.expect(200);
    edit(ada.token.clone(), "any", "*".into()).await.expect(200);
    edit(ada.token.clone(), "weak", "W/\"1\"".into()).await.expect(412);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_creates_once() {
    let test = Test::new();
    let (ada, bob) = (test.person("ada").await, test.person("bob").await);
    let ask = |token: &str, key: &str, title: &str| {
        let (test, token, key) = (&test, format!("Bearer {token}"), key.to_owned());
        let body = json!({ "title": title }).to_string();
        async move {
            let headers = [("Authorization", token.as_str()), ("Idempotency-Key", key.as_str())];
            test.call("POST", "/api/v1/question", &headers, Some(body.as_bytes())).await
        }
    };
    let first = ask(&ada.token, "k1", "Why?").await.expect(201);
    test.clock.advance(5000);
    let again = ask(&ada.token, "k1", "Why?").await.expect(201);
    assert_eq!(first.json(), again.json());
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(ask(&ada.token, "k1", "Other?").await.expect(409).problem().code, Code::KeyReused);
    assert_ne!(ask(&bob.token, "k1", "Why?").await.expect(201).json()["id"], first.json()["id"]);
    let (a, b, c) =
        tokio::join!(ask(&ada.token, "k2", "x?"), ask(&ada.token, "k2", "x?"), ask(&ada.token, "k2", "x?"));
    assert!(a.json()["id"] == b.json()["id"] && b.json()["id"] == c.json()["id"]);
    let listed = test.get(&ada, "/api/v1/question/all").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(ask(&ada.token, &"k".repeat(256), "y?").await.expect(400).fields(), ["Idempotency-Key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_in_anothers_name() {
    let test = Test::new();
    let (ada, bob) = (test.person("ada").await, test.person("bob").await);
    let body = json!({"title": "Why?", "authorId": bob.id});
    test.send(Some(&ada), "POST", "/api/v1/question", body).await.expect(403);
    let question = test.ask(&ada, "Why?").await;
    let body = json!({"description": "x", "questionID": question, "authorID": bob.id});
    test.send(Some(&ada), "POST", "/api/v1/answer", body).await.expect(403);
}

/// SHA-256 of user, kind and key made the id there, which anybody could tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_create_of_the_previous_release_is_still_a_repeat() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let id_of = |key: &str| {
        let digest = sha256(&[ada.id.0.as_bytes(), b"question\0".as_slice(), key.as_bytes()].concat());
        uuid::Builder::from_custom_bytes(digest[..16].try_into().unwrap()).into_uuid()
    };
    let body = json!({"title": "Why?"}).to_string();
    let question = store::Question {
        id: QuestionId(id_of("old")),
        author: ada.id,
        text: QuestionText::new("Why?".parse().unwrap()),
        created_at: CreatedAt::Now(test.clock.now()),
        fingerprint: sha256(body.as_bytes()),
    };
    test.app.store.add_question(&question).await.unwrap();
    let token = format!("Bearer {}", ada.token);
    let create = async |key: &str, body: &str| {
        let headers = [("Authorization", token.as_str()), ("Idempotency-Key", key)];
        test.call("POST", "/api/v1/question", &headers, Some(body.as_bytes())).await
    };
    assert_eq!(create("old", &body).await.expect(201).json()["id"], question.id.to_string());
    let other = json!({"title": "How?"}).to_string();
    assert_eq!(create("old", &other).await.expect(409).problem().code, Code::KeyReused);
    let first = create("new", &body).await.expect(201).json();
    assert_ne!(first["id"], id_of("new").to_string());
    assert_eq!(create("new", &body).await.expect(201).json()["id"], first["id"]);
    assert_eq!(test.get(&ada, "/api/v1/question/all").await.json().as_array().unwrap().len(), 2);
}
