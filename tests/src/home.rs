//! A user's home directory and environment, isolated from the caller's.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;

use crate::{keyring::Keyring, server::Server};

/// A home directory and its environment. The directory exists as long as any clone does.
#[derive(Clone)]
pub struct Home {
    dir: Arc<TempDir>,
    env: BTreeMap<String, String>,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty one: no keyring, pictures as blocks, UTC.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut env: BTreeMap<String, String> = [
            ("TERM", "xterm-256color"),
            ("COLORTERM", "truecolor"),
            ("TZ", "UTC"),
            ("LANG", "C.UTF-8"),
            ("ROCO_TOKEN_STORE", "none"),
            ("ROCO_AVATARS", "blocks"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
        env.insert("PATH".into(), env::var("PATH").unwrap());
        let places = [
            ("HOME", "."),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_RUNTIME_DIR", "run"),
        ];
        for (name, place) in places {
            let path = dir.path().join(place);
            fs::create_dir_all(&path).unwrap();
            env.insert(name.into(), path.to_str().unwrap().into());
        }
        Self { dir: Arc::new(dir), env }
    }

    /// One whose client uses this server through a recorder.
    pub fn at(server: &Server) -> Self {
        Self::new().env("ROCO_SERVER", &server.watched_url())
    }

    /// Keeps tokens in this keyring.
    pub fn keyring(self, keyring: &Keyring) -> Self {
        self.env("ROCO_TOKEN_STORE", "keyring").env("DBUS_SESSION_BUS_ADDRESS", &keyring.bus)
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// The whole environment.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// The home directory.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes an executable shell script into the home directory; its path.
    pub fn script(&self, name: &str, body: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}
