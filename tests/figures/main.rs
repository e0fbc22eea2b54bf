//! Measures the release build and prints a table: `cargo run --release -p ro-co-tests --bin figures [QUESTIONS]`.
//!
//! Everything runs on this machine and shares its cores: server, load generator, disk. Nothing is asserted; the
//! number of questions (10,000 unless told) is what the lists are measured on.

mod client;
mod load;
mod machine;
mod server;

use std::env;

fn main() {
    let questions = env::args().nth(1).map_or(10_000, |n| n.parse().expect("a number of questions"));
    if cfg!(debug_assertions) {
        println!("note: this is a debug build; only `--release` says anything about Ro-Co");
    }
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
