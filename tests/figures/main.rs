//! Measures the release build and prints a table: `cargo run --release -p ro-co-tests --bin figures [QUESTIONS]`, or
//! `figures trial [PROGRAM]` for what one client can cost the others.
//!
//! Everything runs on this machine and shares its cores: server, load generator, disk. Nothing is asserted; the
//! number of questions (10,000 unless told) is what the lists are measured on.

mod client;
mod load;
mod machine;
mod server;
mod trial;

use std::{env, path::Path};

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if cfg!(debug_assertions) {
        println!("note: this is a debug build; only `--release` says anything about Ro-Co");
    }
    if arguments.first().is_some_and(|first| first == "trial") {
        return trial::run(arguments.get(1).map(Path::new));
    }
    let questions = arguments.first().map_or(10_000, |n| n.parse().expect("a number of questions"));
    println!("{:<58} {:>12} {:>9} {:>9}", "", "", "p50 ms", "p99 ms");
    machine::programs();
    server::starts();
    server::under_load(questions);
    client::figures();
}

/// Prints one line of the table.
fn row(what: &str, value: &str) {
    println!("{what:<58} {value:>12}");
}

/// Prints one line of the table with a rate and its latencies.
fn rate(what: &str, load: &load::Load) {
    let value = format!("{:.0} /s", load.per_second);
    println!("{what:<58} {value:>12} {:>9.2} {:>9.2}", load.p50_ms, load.p99_ms);
}
