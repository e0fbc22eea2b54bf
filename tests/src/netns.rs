//! A second host on this machine, in a network namespace whose link can be taken down.

use std::{path::Path, process::Command};

/// Prefix of the namespace's name; the creating process's id follows.
const PREFIX: &str = "ro-co-";

/// The IP address of this host's end of the link.
pub const HERE: &str = "10.213.77.1";
/// The IP address of the other end.
pub const THERE: &str = "10.213.77.2";

/// The other host. Dropping it removes namespace and link; processes still running there lose their network.
pub struct Host {
    name: String,
}

impl Host {
    /// Creates it with the link up. Requires root and `ip`; only one at a time can exist.
    ///
    /// # Panics
    /// When it cannot be created; the message contains the output of `ip`.
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

    /// Takes the link down at the other end: packets are dropped silently.
    pub fn pull(&self) {
        ip(&["-n", &self.name, "link", "set", "eth0", "down"]);
    }

    /// Takes the link up again.
    pub fn plug(&self) {
        ip(&["-n", &self.name, "link", "set", "eth0", "up"]);
    }

    /// The prefix that runs a command on this host.
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
        // The link is removed with the namespace.
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// Removes the namespaces of killed processes: they have the same IP addresses as the new one.
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
