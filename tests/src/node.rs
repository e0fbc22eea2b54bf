//! Scripts in Node.js, run beside the packages that `tests/setup` installs.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::programs::{tools, workspace};

/// Runs a script of the directory `tests/`, such as `dicebear/server.mjs`.
///
/// Modules are resolved relative to the file, so it runs as a copy beside them.
pub fn script(path: &str) -> Command {
    let name = path.replace('/', "-");
    let copy = node_dir().join(&name);
    // Written to a temporary name and renamed, because another test may start the same script.
    let fresh = tempfile::NamedTempFile::new_in(node_dir()).unwrap();
    fs::copy(workspace().join("tests").join(path), fresh.path()).unwrap();
    fresh.persist(&copy).unwrap();
    let mut command = Command::new("node");
    command.arg(copy);
    command
}

/// A program installed by a package.
pub fn program(name: &str) -> Command {
    Command::new(node_dir().join("node_modules/.bin").join(name))
}

fn node_dir() -> PathBuf {
    tools().join("node")
}

/// The real `DiceBear` renderer behind its public URL layout; dropping it ends it.
pub struct DiceBear {
    /// Its base URL, as `--dicebear-url` takes it.
    pub url: String,
    child: Child,
}

impl DiceBear {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start() -> Self {
        let mut child = script("dicebear/server.mjs").stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "the avatar service did not start");
        Self { url: url.trim().into(), child }
    }
}

impl Drop for DiceBear {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The generated OpenAPI document at the top of the workspace.
pub fn openapi() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.json"))
}
