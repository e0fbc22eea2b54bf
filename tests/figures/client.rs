//! The client in a terminal: time to first frame, and resources while idle.

use std::{
    thread,
    time::{Duration, Instant},
};

use ro_co_tests::{Home, Server, Terminal, wait::until};

use crate::{
    machine::{resident, ticks},
    row,
};

/// Duration of the idle measurement.
const IDLE: Duration = Duration::from_secs(10);

/// First frame, processor time while idle, memory.
pub(crate) fn figures() {
    let server = Server::start();
    let home = Home::at(&server);
    let mut times: Vec<_> = (0..9).map(|_| first_frame(&home)).collect();
    times.sort_unstable();
    row("client: first frame (median of 9)", &format!("{:.1} ms", times[4].as_secs_f64() * 1000.0));

    let terminal = Terminal::client(&home, &[]);
    until("a frame", || (!terminal.screen().trim().is_empty()).then_some(()));
    let pid = terminal.pid().unwrap();
    settle(pid);
    let before = ticks(pid);
    thread::sleep(IDLE);
    row("client: processor ticks (10 ms) in 10 s of idling", &(ticks(pid) - before).to_string());
    row("client: resident", &resident(pid));
}

fn first_frame(home: &Home) -> Duration {
    let start = Instant::now();
    let terminal = Terminal::client(home, &[]);
    until("a frame", || (!terminal.screen().trim().is_empty()).then_some(start.elapsed()))
}

/// Waits until a process has used no CPU time for a second.
fn settle(pid: u32) {
    until("the client to settle", || {
        let before = ticks(pid);
        thread::sleep(Duration::from_secs(1));
        (ticks(pid) == before).then_some(())
    });
}
