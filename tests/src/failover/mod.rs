//! Bad days of a replica set, for real: nodes die, freeze, step down and are cut off, the server is killed, and
//! all the while writers post and readers list. What was acknowledged must be there afterwards, exactly once.

mod event;
mod ledger;
mod traffic;

use std::{fmt, thread, time::Duration};

pub use event::Event;
use ledger::Ledger;
pub use traffic::Outage;
use traffic::{Traffic, reader, writer};

use crate::{Options, Person, Server, mongo::ReplicaSet, wait::until_within};

/// Writers and readers at a time, as many of each.
pub const CLIENTS: usize = 8;
/// How long the set may take to be whole again before the run is given up.
const RECOVERY: Duration = Duration::from_mins(2);

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Each event, and for how long nobody could write because of it.
    pub events: Vec<(Event, Outage)>,
    /// Writes that were acknowledged: questions asked and deleted.
    pub acknowledged: usize,
    /// Acknowledged questions that are not there, by their markers.
    pub lost: Vec<String>,
    /// Markers that are there more than once.
    pub duplicated: Vec<String>,
    /// Questions that are there although their deletion was acknowledged.
    pub returned: Vec<String>,
    /// Reads that showed a question whose deletion had been acknowledged before they began.
    pub stale: usize,
    /// Lists that were read.
    pub reads: usize,
    /// Answers that nobody should get: anything but success and a 503 that says when to try again.
    pub wrong: Vec<String>,
}

impl Report {
    /// Whether nothing acknowledged was lost, doubled or undone, and nobody got a wrong answer.
    pub fn is_clean(&self) -> bool {
        [&self.lost, &self.duplicated, &self.returned, &self.wrong].iter().all(|list| list.is_empty())
    }

    /// The longest time without an acknowledged write, and the longest of it after an election.
    pub fn longest_outage(&self) -> (Duration, Duration) {
        let outages = || self.events.iter().map(|(_, outage)| outage);
        let after = outages().filter_map(|outage| outage.after_election);
        (outages().map(|outage| outage.whole).max().unwrap_or_default(), after.max().unwrap_or_default())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (event, outage) in &self.events {
            writeln!(f, "{:<40} {outage}", event.to_string())?;
        }
        writeln!(
            f,
            "events {}, acknowledged {}, lost {}, duplicated {}, deletions undone {}, lists read {}, stale {}, wrong answers {}, longest outage {:.1} s, {:.1} s after an election",
            self.events.len(),
            self.acknowledged,
            self.lost.len(),
            self.duplicated.len(),
            self.returned.len(),
            self.reads,
            self.stale,
            self.wrong.len(),
            self.longest_outage().0.as_secs_f64(),
            self.longest_outage().1.as_secs_f64()
        )?;
        let cases = [("lost", &self.lost), ("duplicated", &self.duplicated), ("undone", &self.returned)];
        for (what, list) in cases.into_iter().chain([("wrong", &self.wrong)]) {
            list.iter().take(10).try_for_each(|case| writeln!(f, "{what}: {case}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6.1} s without a write", self.whole.as_secs_f64())?;
        self.after_election
            .map_or(Ok(()), |after| write!(f, ", {:>4.1} s of it after the election", after.as_secs_f64()))
    }
}

/// Lets these events happen to `set`, one after the other, under load; `tell` hears of each when it is over.
///
/// # Panics
/// When the set is not whole again within two minutes of an event.
pub fn run(set: &mut ReplicaSet, events: &[Event], mut tell: impl FnMut(Event, Outage)) -> Report {
    let options =
        Options::default().args(&["--mongo-uri", &set.uri(), "--access-ttl", "1d", "--rate-limits", "off"]);
    let mut server = Server::start_with(options);
    let people: Vec<_> = (0..CLIENTS).map(|n| Person::sign_up(&server, &format!("writer {n}"))).collect();
    let traffic = Traffic::new(server.address);
    let ledger = Ledger::default();
    let happened = thread::scope(|scope| {
        for (n, person) in people.iter().enumerate() {
            let (traffic, ledger) = (&traffic, &ledger);
            scope.spawn(move || writer(n, person, traffic, ledger));
            scope.spawn(move || reader(person, traffic, ledger));
        }
        let happened = events.iter().map(|event| {
            traffic.begin_event();
            event.happen(set, &mut server, &traffic);
            let whole = until_within(RECOVERY, || (set.is_whole() && traffic.is_well()).then_some(()));
            assert!(whole.is_some(), "{event}: not whole again within {RECOVERY:?}\n{}", server.log());
            let outage = traffic.outage();
            tell(*event, outage);
            (*event, outage)
        });
        let happened = happened.collect::<Vec<_>>();
        traffic.stop();
        happened
    });
    let mut report = ledger.check(&people[0]);
    report.events = happened;
    report.reads = traffic.reads();
    report.wrong = traffic.wrong_answers();
    report
}
