//! Cases that need external programs: they run where `tests/setup` installed them, and are reported as ignored elsewhere.
//!
//! With `ROCO_TEST_REQUIRE=all` in the environment a case that cannot run fails, so that CI never skips silently.

use std::{env, path::PathBuf, process::ExitCode};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::{
    mongo::mongod,
    programs::{previous_server, tools},
};

/// An external program that a case needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Node.js and the packages of `tests/tools/package.json`.
    Node,
    /// Python and the packages of `tests/tools/requirements.txt`.
    Python,
    /// The tools of shell scripts: curl, jq and a plain Python.
    Scripting,
    /// A Java runtime.
    Java,
    /// A headless browser, driven from Node.js.
    Chromium,
    /// gnome-keyring, D-Bus and `secret-tool`.
    Keyring,
    /// `mongod`.
    MongoDb,
    /// The right to mount file systems.
    Mounts,
    /// The previous release's server.
    Previous,
}

impl Need {
    fn missing(self) -> Option<&'static str> {
        let there = match self {
            Self::Node => on_path("node").is_some() && tools().join("node/node_modules").is_dir(),
            Self::Python => tools().join("python/bin/python").exists(),
            Self::Scripting => {
                ["bash", "curl", "jq", "python3"].iter().all(|program| on_path(program).is_some())
            }
            Self::Java => on_path("java").is_some(),
            Self::Chromium => on_path("chromium").is_some() && Self::Node.missing().is_none(),
            Self::Keyring => ["gnome-keyring-daemon", "dbus-run-session", "secret-tool"]
                .iter()
                .all(|program| on_path(program).is_some()),
            Self::MongoDb => mongod().is_some(),
            Self::Mounts => rustix::process::geteuid().is_root() && on_path("mount").is_some(),
            Self::Previous => previous_server().is_file(),
        };
        let name = match self {
            Self::Node => "Node.js",
            Self::Python => "Python",
            Self::Scripting => "curl, jq or Python",
            Self::Java => "Java",
            Self::Chromium => "Chromium",
            Self::Keyring => "keyring",
            Self::MongoDb => "mongod",
            Self::Mounts => "right to mount",
            Self::Previous => "server of the previous release",
        };
        (!there).then_some(name)
    }
}

/// A program on the path.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// A case under this name that runs `body` where everything in `needs` is there.
pub fn case(name: &str, needs: &'static [Need], body: impl FnOnce() + Send + 'static) -> Trial {
    Trial::ignorable_test(name, move || {
        let missing: Vec<_> = needs.iter().filter_map(|need| need.missing()).collect();
        if missing.is_empty() {
            body();
            return Ok(Completion::Completed);
        }
        let reason = format!("no {} (run tests/setup)", missing.join(", no "));
        if env::var("ROCO_TEST_REQUIRE").is_ok_and(|v| v == "all") {
            return Err(Failed::from(reason));
        }
        Ok(Completion::ignored_with(reason))
    })
}

/// The `main` of a test binary of such cases.
pub fn main(cases: Vec<Trial>) -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), cases).exit_code()
}
