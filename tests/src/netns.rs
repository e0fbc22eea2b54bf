//! A second host on this machine, in a network namespace of its own, whose cable can be pulled.

use std::{path::Path, process::Command};

/// What the name of such a host begins with; the process that made it follows.
const PREFIX: &str = "ro-co-";

/// Our end of the cable.
pub const HERE: &str = "10.213.77.1";
/// The other one's.
pub const THERE: &str = "10.213.77.2";

/// The other host. Dropping it removes it, cable and all; what still runs there goes on without a network.
pub struct Host {
    name: String,
}

impl Host {
    /// Makes it and plugs the cable in. That takes the superuser and `ip`, and only one at a time can be there.
    ///
    /// # Panics
    /// When it cannot be made; the text says what `ip` said.
    pub fn new() -> Self {
        remove_orphans();
        let host = Self { name: format!("{PREFIX}{}", std::process::id()) };
        let (name, cable) = (host.name.as_str(), format!("roco{}", std::process::id()));
        ip(&["netns", "add", name]);
        ip(&["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", name]);
        ip(&["addr", "add", &format!("{HERE}/30"), "dev", &cable]);
        ip(&["link", "set", &cable, "up"]);
        ip(&["-n", name, "addr", "add", &format!("{THERE}/30"), "dev", "eth0"]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        host.plug();
        host
    }

    /// Pulls the cable out, at the other end: packets are lost and nobody is told.
    pub fn pull(&self) {
        ip(&["-n", &self.name, "link", "set", "eth0", "down"]);
    }

    /// Puts it in again.
    pub fn plug(&self) {
        ip(&["-n", &self.name, "link", "set", "eth0", "up"]);
    }

    /// What to put before a command for it to run there.
    pub fn prefix(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.name].map(ToOwned::to_owned).to_vec()
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The cable goes with the namespace.
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// Removes the hosts of processes that were killed: they have our addresses, and would get what is meant for the new one.
fn remove_orphans() {
    for line in ip(&["netns", "list"]).lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let orphan = name.strip_prefix(PREFIX).is_some_and(|pid| !Path::new("/proc").join(pid).exists());
        if orphan {
            ip(&["netns", "del", name]);
        }
    }
}

/// Runs `ip`; what it prints.
#[track_caller]
fn ip(args: &[&str]) -> String {
    let output = Command::new("ip").args(args).output().unwrap();
    assert!(output.status.success(), "ip {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
