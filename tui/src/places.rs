//! The directories the client keeps things in, and how files are put there.

use std::{
    fmt::Write as _,
    fs::{DirBuilder, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;

/// Where this user's Ro-Co keeps what outlives the process. Made on first use, 0700.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppDirs {
    /// Drafts, locks, the token file: `$XDG_STATE_HOME/ro-co`.
    pub state: PathBuf,
    /// Pictures, which can be fetched again: `$XDG_CACHE_HOME/ro-co`.
    pub cache: PathBuf,
    /// Settings: `$XDG_CONFIG_HOME/ro-co`.
    pub config: PathBuf,
}

impl AppDirs {
    /// The places of the user who runs this; `None` when there is no home directory.
    pub fn of_user() -> Option<Self> {
        let base = etcetera::choose_base_strategy().ok()?;
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        Some(Self {
            state: state.join("ro-co"),
            cache: base.cache_dir().join("ro-co"),
            config: base.config_dir().join("ro-co"),
        })
    }
}

/// Makes a directory that only this user can enter, and those above it; fine when it is there.
pub fn make_private(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Writes a file that only this user can read, at once or not at all: after a crash there is the old one or the new one.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let dir = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // In the same directory, and never in the system's temporary one: `avatar::probe` makes that unusable on purpose.
    let mut temporary = tempfile::Builder::new().prefix(".new-").tempfile_in(dir)?;
    temporary.write_all(content)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|e| e.error)?;
    File::open(dir)?.sync_all()
}

/// `text` as the name of a file: letters, digits, `.`, `-` stay, the rest becomes `%` and two hexadecimal digits.
pub(crate) fn file_name(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut name, byte| {
        if byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'.' && !name.is_empty()) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_tame_and_distinct() {
        assert_eq!(file_name("https://x.org:81"), "https%3A%2F%2Fx.org%3A81");
        assert_eq!(file_name("../../etc"), "%2E.%2F..%2Fetc");
        assert_ne!(file_name("a/b"), file_name("a%2Fb"));
    }
}
