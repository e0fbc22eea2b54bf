//! Bad days of a replica set under load: `cargo run --release -p ro-co-tests --bin failover [EVENTS]` (20 unless told; some
//! minutes). Ends with 1 when anything that was acknowledged is lost, doubled or undone, or somebody got a wrong answer.
//! Without the superuser's rights nobody is cut off, for that takes a network namespace.

use std::{env, process::ExitCode};

use ro_co_tests::{
    failover::{Event, run},
    mongo::ReplicaSet,
};

fn main() -> ExitCode {
    let count = env::args().nth(1).map_or(20, |n| n.parse().expect("a number of events"));
    let apart = rustix::process::geteuid().is_root();
    if !apart {
        println!("note: not as root, so no node is cut off");
    }
    let kinds = Event::ALL.into_iter().filter(|event| apart || *event != Event::CutOff);
    let events: Vec<_> = kinds.cycle().take(count).collect();
    let mut set = if apart { ReplicaSet::start_apart() } else { ReplicaSet::start() };
    let report = run(&mut set, &events, |event, outage| {
        println!("{event}: {outage}");
    });
    println!("\n{report}");
    ExitCode::from(u8::from(!report.is_clean()))
}
