//! A replica set of three local nodes for experiments: `cargo run -p ro-co-tests --bin replica-set`.
//!
//! It prints its connection string, takes commands from standard input (`help` lists them), and ends when that closes.

use std::io::BufRead;

use ro_co_tests::mongo::ReplicaSet;

const HELP: &str =
    "status | stepdown | kill N | restart N | freeze N | thaw N (nodes are 0, 1, 2); end of file ends it";

fn main() {
    let mut set = ReplicaSet::start();
    println!("{}", set.uri());
    println!("{HELP}");
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        let node = words.next().and_then(|n| n.parse::<usize>().ok()).filter(|n| *n < set.nodes.len());
        match (command, node) {
            ("status", _) => {}
            ("stepdown", _) => set.step_down(),
            ("kill", Some(n)) => set.nodes[n].kill(),
            ("restart", Some(n)) => set.nodes[n].restart(),
            ("freeze", Some(n)) => set.nodes[n].freeze(),
            ("thaw", Some(n)) => set.nodes[n].thaw(),
            _ => {
                println!("{HELP}");
                continue;
            }
        }
        println!("The primary is node {}.", set.primary());
    }
}
