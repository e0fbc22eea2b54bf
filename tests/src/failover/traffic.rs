//! Writers and readers that go on whatever happens, and that notice every answer nobody should get.

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::ledger::{Fate, Ledger, titles};
use crate::{Person, Reply, Request};

/// Between two requests of one client: the load of people, not a benchmark.
const PACE: Duration = Duration::from_millis(20);
/// Before the same request is sent again; shorter than `Retry-After` asks for, to see sooner when an outage is over.
const AGAIN: Duration = Duration::from_millis(200);
/// Every so many questions one is deleted again.
const DELETE_EVERY: usize = 10;
/// So many writes in a row without trouble mean that an outage is over.
const WELL: u32 = 20;

/// What all clients share.
pub(super) struct Traffic {
    server: Mutex<SocketAddr>,
    /// Counts up when the server is killed and when it is back: odd while there is none.
    lives: AtomicUsize,
    stopping: AtomicBool,
    gap: Mutex<Gap>,
    well: AtomicU32,
    reads: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

/// The time without an acknowledged write during one event.
struct Gap {
    last: Instant,
    longest: Duration,
    /// When there was a new primary, and the longest time since then.
    elected: Option<(Instant, Duration)>,
}

impl Gap {
    fn now() -> Self {
        Self { last: Instant::now(), longest: Duration::ZERO, elected: None }
    }

    /// What it comes to if it ends now.
    fn outage(&self) -> Outage {
        let after = |(elected, longest): (Instant, Duration)| longest.max(self.last.max(elected).elapsed());
        Outage { whole: self.longest.max(self.last.elapsed()), after_election: self.elected.map(after) }
    }

    fn acknowledged(&mut self) {
        let Outage { whole, after_election } = self.outage();
        self.longest = whole;
        self.elected = self.elected.zip(after_election).map(|((at, _), longest)| (at, longest));
        self.last = Instant::now();
    }
}

/// How long an event kept everybody from writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outage {
    /// The longest time without an acknowledged write.
    pub whole: Duration,
    /// The longest such time while there was a new primary; none where there was no election.
    pub after_election: Option<Duration>,
}

impl Traffic {
    pub(super) fn new(server: SocketAddr) -> Self {
        Self {
            server: Mutex::new(server),
            lives: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            gap: Mutex::new(Gap::now()),
            well: AtomicU32::new(0),
            reads: AtomicUsize::new(0),
            wrong: Mutex::default(),
        }
    }

    /// From here on gaps are this event's.
    pub(super) fn begin_event(&self) {
        *self.gap.lock().unwrap() = Gap::now();
    }

    /// There is a new primary.
    pub(super) fn elected(&self) {
        self.gap.lock().unwrap().elected = Some((Instant::now(), Duration::ZERO));
    }

    /// Whether writes go through again.
    pub(super) fn is_well(&self) -> bool {
        self.well.load(Ordering::Relaxed) >= WELL
    }

    /// What comes now is trouble, whatever went through before.
    pub(super) fn expect_trouble(&self) {
        self.well.store(0, Ordering::Relaxed);
    }

    /// How long nobody could write since the event began.
    pub(super) fn outage(&self) -> Outage {
        self.gap.lock().unwrap().outage()
    }

    /// The server is about to be killed: connections that break are nobody's fault until it is back.
    pub(super) fn server_goes(&self) {
        self.lives.fetch_add(1, Ordering::SeqCst);
    }

    /// The server is back.
    pub(super) fn server_is_back(&self, address: SocketAddr) {
        *self.server.lock().unwrap() = address;
        self.lives.fetch_add(1, Ordering::SeqCst);
    }

    /// Clients end after what they are at.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    pub(super) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    pub(super) fn wrong_answers(self) -> Vec<String> {
        self.wrong.into_inner().unwrap()
    }

    fn stopped(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn acknowledged(&self) {
        self.gap.lock().unwrap().acknowledged();
        self.well.fetch_add(1, Ordering::Relaxed);
    }

    fn wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    /// Sends a request until it is answered with one of these statuses. A 503 that says when to try again, and a
    /// connection that breaks with the server, are what may happen; anything else is noted.
    fn insist(&self, request: &Request, statuses: &[u16]) -> Reply {
        loop {
            let life = self.lives.load(Ordering::SeqCst);
            let server = *self.server.lock().unwrap();
            match request.send(server) {
                Ok(reply) if statuses.contains(&reply.status) => return reply,
                Ok(reply) if reply.status == 503 && reply.header("retry-after").is_some() => {}
                Ok(reply) => self.wrong(format!("{request:.80?}: {} {}", reply.status, reply.text())),
                Err(_) if life % 2 == 1 || life != self.lives.load(Ordering::SeqCst) => {}
                Err(why) => self.wrong(format!("{request:.80?}: {why}")),
            }
            self.expect_trouble();
            thread::sleep(AGAIN);
        }
    }
}

/// Asks questions under unique markers, each until it is acknowledged, and deletes some.
pub(super) fn writer(n: usize, person: &Person, traffic: &Traffic, ledger: &Ledger) {
    for count in 1.. {
        if traffic.stopped() {
            return;
        }
        let marker = format!("{n}-{count}");
        ledger.note(&marker, Fate::Sent);
        let ask = person.request("POST", "/question").header("Idempotency-Key", &marker);
        let reply = traffic.insist(&ask.json(&json!({"title": marker})), &[201]).json();
        ledger.note(&marker, Fate::Asked);
        traffic.acknowledged();
        if count % DELETE_EVERY == 0 {
            ledger.note(&marker, Fate::Doomed);
            let id = reply["id"].as_str().unwrap();
            // Not found means that an earlier attempt went through whose answer was lost.
            traffic.insist(&person.request("DELETE", &format!("/question/{id}")), &[200, 404]);
            ledger.note(&marker, Fate::Gone);
            traffic.acknowledged();
        }
        thread::sleep(PACE);
    }
}

/// Reads the newest questions again and again.
pub(super) fn reader(person: &Person, traffic: &Traffic, ledger: &Ledger) {
    let list = person.request("GET", "/question/all?size=20");
    while !traffic.stopped() {
        let gone = ledger.gone_lately();
        let shown = traffic.insist(&list, &[200]).json();
        traffic.reads.fetch_add(1, Ordering::Relaxed);
        if titles(&shown).any(|title| gone.contains(&title)) {
            ledger.note_stale();
        }
        thread::sleep(PACE);
    }
}
