//! The programs under test, built once from this workspace.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The program `name` (`ro-co`, `ro-co-server`), built in the profile of the running test if it is not up to date.
///
/// # Panics
/// When it does not build.
pub fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&profile_dir())).join(name)
}

/// The top of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where `tests/setup` puts its tools.
pub fn tools() -> PathBuf {
    workspace().join("target/tools")
}

/// Where `tests/setup` puts the previous release's `ro-co-server`, built from the commit in
/// `tests/fixtures/previous/release`.
pub fn previous_server() -> PathBuf {
    tools().join("previous/ro-co-server")
}

/// `target/debug` or its like: the directory whose `deps/` the running test lies in.
fn profile_dir() -> PathBuf {
    let exe = env::current_exe().unwrap();
    let dir = exe.parent().unwrap();
    if dir.ends_with("deps") { dir.parent().unwrap() } else { dir }.to_path_buf()
}

/// `cargo test` builds no other package's programs, and an existing build may be stale.
///
/// The selection is such that cargo unifies features as in `cargo test --workspace` (a test target brings the
/// development dependencies in), so that what that built is used and no crate is built a second time.
fn build(profile_dir: &Path) -> PathBuf {
    let (profile, selection) = match profile_dir.file_name().unwrap().to_str().unwrap() {
        "debug" => ("dev", ["--workspace", "--bins", "--test", "journey"]),
        other => (other, ["-p", "ro-co", "-p", "ro-co-server"]),
    };
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--profile", profile])
        .args(selection)
        .arg("--target-dir")
        .arg(profile_dir.parent().unwrap())
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "the programs do not build:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    profile_dir.to_path_buf()
}
