//! What can happen to a replica set and to the server in front of it.

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use super::traffic::Traffic;
use crate::{Server, mongo::ReplicaSet, wait::until};

/// How long a frozen node stays frozen, and one that was cut off alone.
const AWAY: Duration = Duration::from_secs(20);

/// One bad moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// `kill -9` of the primary; it starts again when there is another.
    KillPrimary,
    /// `replSetStepDown`.
    StepDown,
    /// The primary is stopped (SIGSTOP) for 20 seconds; it comes back believing that it is the primary.
    FreezePrimary,
    /// `kill -9` of the server in mid-request; it starts again at once.
    KillServer,
    /// The node on a host of its own is made primary and cut off from everybody for 20 seconds.
    CutOff,
}

impl Event {
    /// One of each, the kindest first. The last one takes a set that was [started apart](ReplicaSet::start_apart).
    pub const ALL: [Self; 5] =
        [Self::StepDown, Self::KillServer, Self::KillPrimary, Self::FreezePrimary, Self::CutOff];

    /// Lets it happen, and mends what does not mend itself.
    pub(super) fn happen(self, set: &mut ReplicaSet, server: &mut Server, traffic: &Traffic) {
        match self {
            Self::StepDown => {
                traffic.expect_trouble();
                let old = set.primary();
                set.step_down();
                note_election(set, old, traffic);
                // The next event finds three nodes that can be elected: one thing at a time is bad.
                set.let_stand(old);
            }
            Self::KillServer => {
                traffic.server_goes();
                server.kill();
                traffic.expect_trouble();
                server.restart_here();
                traffic.server_is_back(server.address);
            }
            Self::KillPrimary => {
                let primary = set.primary();
                set.nodes[primary].kill();
                traffic.expect_trouble();
                note_election(set, primary, traffic);
                set.nodes[primary].restart();
            }
            Self::FreezePrimary => {
                let primary = set.primary();
                set.nodes[primary].freeze();
                traffic.expect_trouble();
                outlast(set, primary, traffic);
                set.nodes[primary].thaw();
            }
            Self::CutOff => {
                // The one that can be cut off has to be the primary, and the others have to follow it, before it happens.
                set.step_up(0);
                until("a set that follows its new primary", || set.is_whole().then_some(()));
                traffic.begin_event();
                let elsewhere = set.elsewhere.as_ref().expect("a set that was started apart");
                elsewhere.pull();
                traffic.expect_trouble();
                outlast(set, 0, traffic);
                elsewhere.plug();
            }
        }
    }
}

/// Waits for another primary than this one.
fn note_election(set: &ReplicaSet, old: usize, traffic: &Traffic) {
    if set.other_primary(old, AWAY).is_some() {
        traffic.elected();
    }
}

/// Lets as much time pass as the event lasts.
fn outlast(set: &ReplicaSet, victim: usize, traffic: &Traffic) {
    let over = Instant::now() + AWAY;
    note_election(set, victim, traffic);
    thread::sleep(over.saturating_duration_since(Instant::now()));
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StepDown => "the primary steps down",
            Self::KillServer => "the server is killed",
            Self::KillPrimary => "the primary is killed",
            Self::FreezePrimary => "the primary freezes for 20 s",
            Self::CutOff => "the primary is cut off for 20 s",
        })
    }
}
