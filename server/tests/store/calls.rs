//! Calls whose callers leave: they keep their connections, and acts of several writes are done to their end. The server
//! holds commands up by its fail points.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mongodb::{
    bson::{Document, doc},
    event::{EventHandler, cmap::CmapEvent, command::CommandEvent},
    options::ClientOptions,
};
use ro_co_server::store::mongo::Mongo;
use ro_co_shared::{Content, SessionId};
use ro_co_tests::{mongo::Node, wait::LIMIT};

use crate::{
    backends::new_name,
    contract::{
        assert_fails,
        make::{answer, answered, asked, at, session, signed_in, user},
    },
    store::{Accounts, Answers, AvatarImage, Avatars, Error, Sessions, Store},
};

/// How many connections a store may have.
const POOL: u32 = 4;

/// A store on a node of its own, with counts of what its driver does.
struct Held {
    node: Node,
    store: Arc<Mongo>,
    started: Arc<AtomicUsize>,
    checked_out: Arc<AtomicUsize>,
    checked_in: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Held {
    async fn open() -> Self {
        let node = Node::start(&["--setParameter", "enableTestCommands=1"]);
        let mut options = ClientOptions::parse(node.uri()).await.unwrap();
        options.max_pool_size = Some(POOL);
        let [started, checked_out, checked_in, closed] = [(); 4].map(|()| Arc::<AtomicUsize>::default());
        let count = Arc::clone(&started);
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if matches!(event, CommandEvent::Started(_)) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }));
        let counts = (Arc::clone(&checked_in), Arc::clone(&closed), Arc::clone(&checked_out));
        options.cmap_event_handler = Some(EventHandler::callback(move |event| match event {
            CmapEvent::ConnectionCheckedIn(_) => drop(counts.0.fetch_add(1, Ordering::SeqCst)),
            CmapEvent::ConnectionCheckedOut(_) => drop(counts.2.fetch_add(1, Ordering::SeqCst)),
            CmapEvent::ConnectionClosed(_) => drop(counts.1.fetch_add(1, Ordering::SeqCst)),
            _ => {}
        }));
        let store = Arc::new(Mongo::open_with(options, &new_name()).await.unwrap());
        Self { node, store, started, checked_out, checked_in, closed }
    }

    /// Holds up so many commands of this name, each for so long.
    fn hold(&self, command: &str, times: u32, span: Duration) {
        let millis = i64::try_from(span.as_millis()).unwrap();
        let data = doc! { "failCommands": [command], "blockConnection": true, "blockTimeMS": millis, "appName": "ro-co" };
        let times = doc! { "times": i64::from(times) };
        let fail: Document = doc! { "configureFailPoint": "failCommand", "mode": times, "data": data };
        self.command(fail);
    }

    /// The harness has a runtime of its own.
    fn command(&self, command: Document) {
        tokio::task::block_in_place(|| self.node.command("admin", command)).unwrap();
    }

    /// Starts an act, and drops its caller once this many commands of it are on their way.
    async fn abandon<T>(&self, commands: usize, act: impl Future<Output = T> + Send + 'static)
    where
        T: Send + 'static,
    {
        let before = self.started.load(Ordering::SeqCst);
        let caller = tokio::spawn(act);
        until(async || self.started.load(Ordering::SeqCst) >= before + commands).await;
        assert!(!caller.is_finished(), "nothing held it up");
        caller.abort();
        assert!(caller.await.is_err());
    }
}

async fn until(mut ready: impl AsyncFnMut() -> bool) {
    let ready = async {
        while !ready().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, ready).await.unwrap();
}

/// Of three callers who leave, two (half of the pool) leave calls behind that go on; the third one's is dropped.
pub(crate) async fn a_caller_that_leaves_keeps_its_connection() {
    let held = Held::open().await;
    let ada = user(&*held.store, "ada").await;
    for (callers, dropped) in [(1, 0), (3, 1)] {
        // A connection is checked in a little after its call has answered.
        let idle = || held.checked_in.load(Ordering::SeqCst) == held.checked_out.load(Ordering::SeqCst);
        until(async || idle()).await;
        let (checked_in, closed) =
            (held.checked_in.load(Ordering::SeqCst), held.closed.load(Ordering::SeqCst));
        held.hold("find", callers, Duration::from_millis(500));
        let mut calls = Vec::new();
        let before = held.started.load(Ordering::SeqCst);
        for _ in 0..callers {
            let store = Arc::clone(&held.store);
            calls.push(tokio::spawn(async move { store.account(ada).await }));
        }
        let callers = callers as usize;
        until(async || held.started.load(Ordering::SeqCst) == before + callers).await;
        for call in calls {
            assert!(!call.is_finished(), "nothing held it up");
            call.abort();
        }
        until(async || held.checked_in.load(Ordering::SeqCst) == checked_in + callers).await;
        until(async || held.closed.load(Ordering::SeqCst) == closed + dropped).await;
        held.store.account(ada).await.unwrap();
    }
    held.store.close().await;
}

/// What the server ends by itself is told as any other trouble that passes, and costs no connection.
pub(crate) async fn the_server_ends_what_takes_too_long() {
    let held = Held::open().await;
    let ada = user(&*held.store, "ada").await;
    let closed = held.closed.load(Ordering::SeqCst);
    let expire: Document = doc! { "configureFailPoint": "maxTimeAlwaysTimeOut", "mode": "alwaysOn" };
    held.command(expire);
    assert_fails!(held.store.account(ada).await, Error::Unavailable(_));
    assert_fails!(held.store.rename(ada, &"countess".parse().unwrap()).await, Error::Unavailable(_));
    let off: Document = doc! { "configureFailPoint": "maxTimeAlwaysTimeOut", "mode": "off" };
    held.command(off);
    assert_eq!(held.store.account(ada).await.unwrap().username.as_str(), "ada");
    assert_eq!(held.closed.load(Ordering::SeqCst), closed);
    held.store.close().await;
}

const A_MOMENT: Duration = Duration::from_millis(300);

/// The caller leaves while the first write is on its way; all of the act happens.
pub(crate) async fn acts_of_several_writes_run_to_their_end() {
    let held = Held::open().await;
    let store = &held.store;
    let (ada, bob) = (user(&**store, "ada").await, user(&**store, "bob").await);

    // A sign-in ends the oldest session beyond the limit.
    let oldest = signed_in(&**store, ada, 0).await;
    held.hold("insert", 1, A_MOMENT);
    let (act, new) = (Arc::clone(store), session(ada, at(1)));
    held.abandon(2, async move { act.add_session(&new, 1).await }).await;
    until(async || store.session(oldest.id).await.unwrap().ended.is_some()).await;

    // A new picture drops the old one.
    let image = AvatarImage { svg: "<svg/>".to_owned(), created_at: at(0) };
    store.keep_avatar(ada, 0, &image).await.unwrap();
    held.hold("findAndModify", 1, A_MOMENT);
    let act = Arc::clone(store);
    held.abandon(1, async move { act.set_avatar_seed(ada, "seed").await }).await;
    until(async || store.avatar(ada, 0).await.unwrap().is_none()).await;

    // An answer is counted and kept.
    let question = asked(&**store, ada, "Why?", 0).await.id;
    store.account(bob).await.unwrap();
    held.hold("update", 1, A_MOMENT);
    let (act, reply) = (Arc::clone(store), answer(question, bob, "So.", at(1)));
    let id = reply.id;
    held.abandon(1, async move { act.add_answer(&reply).await }).await;
    until(async || store.answer(id).await.is_ok()).await;

    // A deleted account takes its sessions and its content with it.
    let live = signed_in(&**store, bob, 2).await;
    let his = answered(&**store, question, bob, 3).await;
    held.hold("findAndModify", 1, A_MOMENT);
    let act = Arc::clone(store);
    held.abandon(1, async move { act.delete_account(bob, Content::Erase).await }).await;
    until(async || matches!(store.session(live.id).await, Err(Error::NotFound))).await;
    until(async || matches!(store.answer(his).await, Err(Error::NotFound))).await;
    until(async || store.count_answers(question).await.unwrap() == 0).await;
    assert_fails!(store.session(SessionId::new()).await, Error::NotFound);
    store.close().await;
}
