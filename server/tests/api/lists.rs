//! Lists: how deep pages by number go, in which order, how large an answer is, and who may read slowly.

use std::sync::atomic::{AtomicU32, Ordering};

use ro_co_shared::Login;
use serde_json::{Value, json};

use crate::support::{Answer, Test};

const QUESTIONS: &str = "/api/v1/question/all";

/// The URL of the next page.
fn next(page: &Answer) -> Option<String> {
    let link = page.header("link")?;
    Some(link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned())
}

/// All pages from this one on, by `Link`.
async fn walk(test: &Test, who: &Login, path: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut path = Some(path.to_owned());
    while let Some(at) = path {
        let page = test.get(who, &at).await.expect(200);
        path = next(&page);
        pages.push(page.json().as_array().unwrap().clone());
    }
    pages
}

fn titles(pages: &[Vec<Value>]) -> Vec<&str> {
    pages.iter().flatten().map(|question| question["title"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_pages_name_the_cursor() {
    let test = Test::new();
    let root = test.admin("grace").await;
    let question = test.ask(&root, "Why?").await;
    for path in [QUESTIONS, &format!("/api/v1/answer/all/{question}"), "/api/v1/user/all"] {
        for good in ["page=100&size=100", "page=1000", "page=10000&size=1", "page=0&size=100"] {
            test.get(&root, &format!("{path}?{good}")).await.expect(200);
        }
        for deep in ["page=101&size=100", "page=1001", "page=10000&size=2"] {
            let answer = test.get(&root, &format!("{path}?{deep}")).await.expect(400);
            assert_eq!(answer.fields(), ["page"], "{path}?{deep}");
            assert!(answer.problem().errors[0].message.contains("cursor"), "{:?}", answer.problem());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_listed_by_cursor() {
    let test = Test::new();
    let root = test.admin("grace").await;
    for name in ["ada", "bob", "eve", "kim"] {
        test.clock.advance(1);
        test.person(name).await;
    }
    let pages = walk(&test, &root, "/api/v1/user/all?size=2").await;
    let names: Vec<_> = pages.iter().flatten().map(|user| user["username"].as_str().unwrap()).collect();
    assert_eq!(names, ["grace", "ada", "bob", "eve", "kim"]);
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    let first = test.get(&root, "/api/v1/user/all?size=2").await;
    let elsewhere = next(&first).unwrap().replace("/user/all", "/question/all");
    assert_eq!(test.get(&root, &elsewhere).await.expect(400).fields(), ["cursor"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_sorted_either_way() {
    let test = Test::new();
    let ada = test.person("ada").await;
    for n in 0..5 {
        test.ask(&ada, &n.to_string()).await;
    }
    let newest = walk(&test, &ada, &format!("{QUESTIONS}?size=2&sort=newest")).await;
    assert_eq!(titles(&newest), ["4", "3", "2", "1", "0"]);
    let oldest = walk(&test, &ada, &format!("{QUESTIONS}?size=2&sort=oldest&answered=false")).await;
    assert_eq!(titles(&oldest), ["0", "1", "2", "3", "4"]);
    let by_number = test.get(&ada, &format!("{QUESTIONS}?size=2&page=1&sort=oldest")).await.json();
    assert_eq!(by_number[0]["title"], "2");
    assert_eq!(test.get(&ada, &format!("{QUESTIONS}?sort=votes")).await.expect(400).fields(), ["sort"]);
    // A cursor is good for its own order and its own filter.
    let cursor = next(&test.get(&ada, &format!("{QUESTIONS}?size=2&sort=oldest")).await).unwrap();
    assert_eq!(test.get(&ada, &cursor.replace("&sort=oldest", "")).await.expect(400).fields(), ["cursor"]);
    let filtered = format!("{cursor}&answered=false");
    assert_eq!(test.get(&ada, &filtered).await.expect(400).fields(), ["cursor"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_cut_at_a_mebibyte_unless_it_has_a_number() {
    let test = Test::new();
    let ada = test.person("ada").await;
    // 40,000 bytes each, and some for the other fields: 26 of them are more than a mebibyte.
    let body = json!({"title": "Why?", "description": "🦀".repeat(10_000)});
    for _ in 0..30 {
        test.send(Some(&ada), "POST", "/api/v1/question", body.clone()).await.expect(201);
    }
    let first = test.get(&ada, &format!("{QUESTIONS}?size=100")).await.expect(200);
    assert!(first.body.len() <= 1 << 20, "{} bytes", first.body.len());
    let pages = walk(&test, &ada, &format!("{QUESTIONS}?size=100")).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [25, 5]);
    let whole = test.get(&ada, &format!("{QUESTIONS}?size=100&page=0")).await.expect(200);
    assert_eq!((whole.json().as_array().unwrap().len(), next(&whole)), (30, None));
    assert_eq!(whole.json().as_array().unwrap(), &pages.concat(), "the same items");
    // As it is as long as its items fit.
    let small = test.get(&ada, &format!("{QUESTIONS}?size=20")).await;
    assert_eq!(small.json().as_array().unwrap().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_reads_slowly_twice_at_once_and_quickly_meanwhile() {
    let test = Test::new();
    let (ada, bob) = (test.person("ada").await, test.person("bob").await);
    let turns = [test.app.limits.slow_read(ada.id).await, test.app.limits.slow_read(ada.id).await];
    let done = AtomicU32::new(0);
    let slow = ["?total=true", "?page=101&size=10"].map(|query| {
        let (test, ada, done) = (&test, &ada, &done);
        Box::pin(async move {
            let answer = test.get(ada, &format!("{QUESTIONS}{query}")).await;
            done.fetch_add(1, Ordering::SeqCst);
            answer
        })
    });
    let waiting = futures_util::future::join_all(slow);
    let quick = async {
        for _ in 0..3 {
            test.get(&ada, QUESTIONS).await.expect(200);
            test.get(&bob, &format!("{QUESTIONS}?total=true")).await.expect(200);
        }
        assert_eq!(done.load(Ordering::SeqCst), 0, "both wait for their turns");
        drop(turns);
    };
    let (slow, ()) = tokio::join!(waiting, quick);
    for answer in slow {
        answer.expect(200);
    }
}
