//! A private Secret Service, unlocked and empty.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::programs::workspace;

/// A running keyring on its own D-Bus; dropping it ends both.
pub struct Keyring {
    /// The D-Bus address (`DBUS_SESSION_BUS_ADDRESS`).
    pub bus: String,
    child: Child,
}

impl Keyring {
    /// Starts one by `tests/with-keyring.sh`.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start() -> Self {
        let mut child = Command::new("bash")
            .arg(workspace().join("tests/with-keyring.sh"))
            .args(["sh", "-c", "echo \"$DBUS_SESSION_BUS_ADDRESS\"; read -r forever"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut bus = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut bus).unwrap();
        let bus = bus.trim().to_owned();
        assert!(!bus.is_empty(), "the keyring did not start");
        Self { bus, child }
    }

    /// The secret stored under this service and user, read by another program.
    pub fn lookup(&self, service: &str, user: &str) -> Option<String> {
        let mut command = Command::new("secret-tool");
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .args(["lookup", "service", service, "username", user]);
        let output = command.output().unwrap();
        let secret = String::from_utf8(output.stdout).unwrap();
        (!secret.is_empty()).then_some(secret)
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        // Closing its standard input ends the script, which stops bus and keyring.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
