//! What is true of this back end alone: files, locks, a full disk.

use std::{fs, path::Path, sync::Arc};

use ro_co_shared::UserId;
use rusqlite::Connection;

use super::{FILE_NAME, Sqlite};
use crate::store::{
    Accounts, Error, QuestionFilter, Questions, Store,
    make::{T0, account, asked, at, at_once, newest, question, text, user},
};

async fn titles(store: &dyn Store) -> Vec<String> {
    let all = store.questions(newest(1000)).await.unwrap();
    all.into_iter().map(|question| question.text.title.into_string()).collect()
}

/// As after a kill: a copy of the files as they are at this moment, the write-ahead log not folded in.
fn snapshot(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in [FILE_NAME, "ro-co.db-wal"] {
        fs::copy(dir.join(file), copy.path().join(file)).unwrap();
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    let ada = user(&store, "ada").await;
    asked(&store, ada, "Is it there?", 0).await;

    let copy = snapshot(dir.path());
    let after = Sqlite::open(copy.path()).unwrap();
    assert_eq!(titles(&after).await, ["Is it there?"]);
    after.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_store_opens_again() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let store = Sqlite::open(dir.path()).unwrap();
        let author = user(&store, &format!("user {round}")).await;
        asked(&store, author, &round.to_string(), round).await;
    }
    let store = Sqlite::open(dir.path()).unwrap();
    assert_eq!(titles(&store).await, ["2", "1", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_leaves_one_file_and_refuses_what_comes_later() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    let ada = user(&store, "ada").await;
    store.ping().await.unwrap();
    store.close().await;
    store.close().await;

    let files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, [FILE_NAME]);
    assert!(matches!(store.ping().await, Err(Error::Unavailable(_))));
    assert!(matches!(store.account(ada).await, Err(Error::Unavailable(_))));
    assert!(matches!(store.add_account(&account("bob")).await, Err(Error::Unavailable(_))));

    let again = Sqlite::open(dir.path()).unwrap();
    assert_eq!(again.account(ada).await.unwrap().username.as_str(), "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    let stores = [0, 1].map(|_| Arc::new(Sqlite::open(dir.path()).unwrap()));
    let ada = user(&*stores[0], "ada").await;
    assert_eq!(stores[1].account(ada).await.unwrap().username.as_str(), "ada");

    let results = at_once(64, |i| {
        let store = Arc::clone(&stores[i % 2]);
        let new = question(ada, &i.to_string(), T0);
        async move { store.add_question(&new).await }
    })
    .await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    for store in &stores {
        assert_eq!(store.count_questions(QuestionFilter::default()).await.unwrap(), 64);
        let racer = account("ADA");
        assert!(matches!(store.add_account(&racer).await, Err(Error::Conflict("username"))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_unavailable_until_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(dir.path()).unwrap());
    let ada = user(&*store, "ada").await;
    let pages = |limit: i64| {
        let store = Arc::clone(&store);
        async move {
            let set = move |db: &Connection| {
                db.pragma_update_and_check(None, "max_page_count", limit, |row| row.get::<_, i64>(0))
            };
            store.write(move |db| Ok(set(db)?)).await.unwrap()
        }
    };
    // The limit becomes the present size: it cannot be less.
    pages(1).await;
    let body = "x".repeat(5000);
    let mut kept = 0;
    let refused = loop {
        let new = crate::store::Question {
            text: text(&kept.to_string(), Some(&body)),
            ..question(ada, "", at(kept))
        };
        match store.add_question(&new).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 100, "the limit does not hold");
    };
    assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
    // Others can go on reading, nothing half-done is seen, and nothing is lost.
    assert_eq!(i64::try_from(titles(&*store).await.len()).unwrap(), kept);
    assert!(store.account(UserId::DELETED).await.is_ok());

    pages(1_000_000).await;
    asked(&*store, ada, "There is space again", 1000).await;
    assert_eq!(i64::try_from(titles(&*store).await.len()).unwrap(), kept + 1);
}

#[tokio::test(flavor = "current_thread")]
async fn works_on_a_runtime_of_one_thread() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(dir.path()).unwrap());
    let ada = user(&*store, "ada").await;
    let results = at_once(8, |i| {
        let store = Arc::clone(&store);
        async move {
            store.add_question(&question(ada, "?", at(i64::try_from(i).unwrap()))).await?;
            store.questions(newest(10)).await
        }
    })
    .await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_query_is_one_failure() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    for _ in 0..20 {
        let result: Result<(), _> = store.read(|_| panic!("a bug")).await;
        assert!(matches!(result, Err(Error::Broken(_))), "{result:?}");
    }
    store.ping().await.unwrap();
}

/// What `readers::STEPS` and `LOOKS` were chosen by: every page a client may ask for is read where it is asked.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_page_is_a_quick_query() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    let ada = user(&store, "ada").await;
    for i in 0..110 {
        asked(&store, ada, "?", i).await;
    }
    for (size, most) in [(10_u32, 300), (100, 3_000)] {
        let steps = store
            .write(move |db| {
                let (_, list) = super::questions::ALL.iter().find(|(name, _)| *name == "NEWEST").unwrap();
                let mut list = db.prepare(list.0)?;
                let rows = list.query_map((i64::MAX, [0xff_u8; 17], size, 0), |_| Ok(()))?.count();
                assert_eq!(rows, usize::try_from(size).unwrap());
                Ok(list.get_status(rusqlite::StatementStatus::VmStep))
            })
            .await
            .unwrap();
        assert!(steps < most, "{size} rows took {steps} steps");
    }
}
