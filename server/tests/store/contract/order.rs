//! A reader who reads a list to its end, and continues from there again and again, misses nothing of what eight writers at
//! once add to it, though the clock steps back.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use ro_co_shared::{AnswerId, QuestionId, Timestamp, UserId};
use uuid::Uuid;

use super::make::{SECOND, after, answer, answers_to, asked, at, at_once, first, from, question, user};
use crate::store::{
    Answer, CreatedAt, Order, Position, Question, QuestionFilter, Result, SortKey, Sorted, Store,
};

const WRITERS: usize = 8;

/// How many rows each writer adds in a round.
const ROWS: i64 = 8;

const ROUNDS: i64 = 6;

/// A clock that moves only when it is read by a writer, steps back in the middle of a round, and is far ahead in the next.
#[derive(Default)]
struct TestClock(AtomicI64);

impl TestClock {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::SeqCst))
    }

    /// What a writer reads: 5 ms later than the last, or, once in 20 times, a second earlier.
    fn read(&self) -> Timestamp {
        let tick = self.0.fetch_add(5, Ordering::SeqCst);
        if tick % 100 == 50 {
            self.0.fetch_sub(SECOND, Ordering::SeqCst);
        }
        self.now()
    }

    /// Nothing that was begun is unfinished.
    fn pass(&self) {
        self.0.fetch_add(10 * SECOND, Ordering::SeqCst);
    }
}

/// The list that is written and read.
#[derive(Clone, Copy)]
enum List {
    Questions,
    Answers(QuestionId),
}

impl List {
    async fn add(self, store: &dyn Store, author: UserId, now: Timestamp) -> Result<Uuid> {
        let created_at = CreatedAt::Now(now);
        match self {
            Self::Questions => {
                let new = Question { created_at, ..question(author, "?", now) };
                Ok(store.add_question(&new).await?.row.id.0)
            }
            Self::Answers(of) => {
                let new = Answer { created_at, ..answer(of, author, "!", now) };
                Ok(store.add_answer(&new).await?.row.id.0)
            }
        }
    }

    async fn read(self, store: &dyn Store, position: Position) -> Vec<SortKey> {
        match self {
            Self::Questions => {
                let list = first(QuestionFilter::default(), Order::Oldest, 20);
                let page = store.questions(from(list, position)).await.unwrap();
                page.iter().map(Sorted::sort_key).collect()
            }
            Self::Answers(of) => {
                let page = store.answers(from(answers_to(of, 20), position)).await.unwrap();
                page.iter().map(Sorted::sort_key).collect()
            }
        }
    }
}

/// Reads on until all is written, and then to the end; the ids.
async fn read_on(
    store: Arc<dyn Store>,
    list: List,
    clock: Arc<TestClock>,
    done: Arc<AtomicBool>,
) -> HashSet<Uuid> {
    let mut seen = HashSet::new();
    let mut position = Position::Skip(0);
    loop {
        let (finished, now) = (done.load(Ordering::SeqCst), clock.now());
        let page = list.read(&*store, position).await;
        seen.extend(page.iter().map(|key| key.id));
        match page.last() {
            Some(key) => position = Position::After(store.resume_after(*key, now)),
            None if finished => return seen,
            None => tokio::task::yield_now().await,
        }
    }
}

async fn misses_nothing(store: Arc<dyn Store>, author: UserId, list: List) {
    let (clock, done) = (Arc::<TestClock>::default(), Arc::<AtomicBool>::default());
    clock.pass();
    let reader = tokio::spawn(read_on(Arc::clone(&store), list, Arc::clone(&clock), Arc::clone(&done)));
    let mut written = HashSet::new();
    for _ in 0..ROUNDS {
        let added = at_once(WRITERS, |_| {
            let (store, clock) = (Arc::clone(&store), Arc::clone(&clock));
            async move {
                let mut ids = Vec::new();
                for _ in 0..ROWS {
                    let now = clock.read();
                    // As between the reading of a clock and the write in a handler.
                    tokio::task::yield_now().await;
                    ids.push(list.add(&*store, author, now).await?);
                }
                Ok(ids)
            }
        })
        .await;
        written.extend(added.into_iter().flat_map(|ids| ids.unwrap()));
        clock.pass();
    }
    done.store(true, Ordering::SeqCst);
    let seen = reader.await.unwrap();
    assert_eq!(written.len(), WRITERS * usize::try_from(ROWS * ROUNDS).unwrap());
    let missed = written.difference(&seen).count();
    assert_eq!(missed, 0, "of {}", written.len());
}

pub(super) async fn a_reader_who_continues_misses_no_question(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    misses_nothing(store, ada, List::Questions).await;
}

pub(super) async fn a_reader_who_continues_misses_no_answer(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let of = asked(&*store, ada, "?", 0).await.id;
    misses_nothing(store, ada, List::Answers(of)).await;
}

/// Whatever is there: an imported row keeps its place in the past.
pub(super) async fn recorded_times_are_kept(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    asked(&*store, ada, "newer", 50).await;
    let older = asked(&*store, ada, "older", 10).await;
    assert_eq!((older.created_at, older.updated_at), (at(10), at(10)));
    let list = first(QuestionFilter::default(), Order::Oldest, 10);
    let rest = store.questions(after(list, &older)).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.text.title.as_str()).collect::<Vec<_>>(), ["newer"]);
    let id = AnswerId::new();
    let reply = Answer { id, ..answer(older.id, ada, "!", at(5)) };
    assert_eq!(store.add_answer(&reply).await.unwrap().row.created_at, at(5));
}
