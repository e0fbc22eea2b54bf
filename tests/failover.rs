//! Bad days of a replica set under load: `cargo run --release -p ro-co-tests --bin failover [EVENTS]` (20 unless told; some
//! fifteen minutes). Ends with 1 when anything that was acknowledged is lost, doubled or undone.

use std::{env, process::ExitCode};

use ro_co_tests::{
    failover::{Event, run},
    mongo::ReplicaSet,
};

fn main() -> ExitCode {
    let count = env::args().nth(1).map_or(20, |n| n.parse().expect("a number of events"));
    let events: Vec<_> = Event::ALL.into_iter().cycle().take(count).collect();
    let report = run(&mut ReplicaSet::start(), &events, |event, outage| {
        println!("{event}: {:.1} s without a write", outage.as_secs_f64());
    });
    println!("\n{report}");
    ExitCode::from(u8::from(!report.is_clean()))
}
