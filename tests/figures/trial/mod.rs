//! Trials of what one client can cost the others: `figures trial [PROGRAM]`.
//!
//! Each starts a server (PROGRAM where given: a release to compare with), lets one IP address do its worst, and measures
//! what others get meanwhile. Bounded in count and time; nothing is asserted. The test suite asserts the timeless form.

mod client;
mod sessions;
mod sockets;

use std::{path::Path, time::Duration};

use ro_co_tests::{Options, Person, Server};

/// Connections of the one IP address.
const CONNECTIONS: usize = 512;
/// How long others are measured.
const TIME: Duration = Duration::from_secs(8);

/// Runs all trials and prints a table.
pub(crate) fn run(program: Option<&Path>) {
    let options = || match program {
        Some(program) => Options::default().program(program),
        None => Options::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("{:<58} {:>24} {:>9} {:>9}", "others meanwhile", "", "p50 ms", "p99 ms");
    runtime.block_on(async {
        sockets::nothing(&options()).await;
        sockets::bodies_held_back(&options()).await;
        sockets::bodies_held_back_behind_a_proxy(&options()).await;
        sockets::unread_pages(&options()).await;
        sockets::idle_connections(&options()).await;
        sockets::deep_pages(&options()).await;
        sessions::login_flood(&options()).await;
        sessions::victim(&options()).await;
        sessions::garbage(&options()).await;
    });
}

/// A server without rate limits, and eight users of it with one question each.
async fn server_with_users(options: &Options) -> (Server, Vec<Person>) {
    let options = options.clone();
    let made = tokio::task::spawn_blocking(move || {
        let server = Server::start_with(options);
        let people = (0..8).map(|_| Person::anybody(&server)).collect::<Vec<_>>();
        for person in &people {
            person.ask("A question of middling length, for the list?");
        }
        (server, people)
    });
    made.await.unwrap()
}
