//! Three nodes of MongoDB, a server, and a bad day each: nothing that was acknowledged is lost.
//! The long run: `cargo run --release -p ro-co-tests --bin failover`.

use std::process::ExitCode;

use ro_co_tests::{
    failover::{Event, run},
    mongo::ReplicaSet,
    needs::{self, Need, case},
};

fn main() -> ExitCode {
    needs::main(vec![case("a_bad_day_loses_nothing", &[Need::MongoDb], a_bad_day)])
}

fn a_bad_day() {
    let events = [Event::StepDown, Event::KillServer, Event::KillPrimary];
    let report = run(&mut ReplicaSet::start(), &events, |_, _| ());
    assert!(report.is_clean(), "{report}");
    assert!(report.acknowledged > 50 && report.reads > 50, "there was no load: {report}");
}
