//! Hand-over to the user's editor.

use std::{
    env,
    ffi::OsStr,
    fs::File,
    io::{self, Read, Write},
    path::Path,
    process::{Command, ExitStatus},
};

use crate::places::make_private;

/// Four times the longest text there may be.
const LONGEST: u64 = 1 << 20;

/// Opens `text` in `$VISUAL`, `$EDITOR`, `vi` or `nano` and gives back what was saved; `None` when the editor failed.
///
/// The terminal must have been left and the event stream dropped. Blocks until the editor ends: call it on a blocking
/// thread. The text lies in `dir` meanwhile, which is made if needed, in a file only the user can read.
pub fn edit(text: &str, dir: &Path) -> io::Result<Option<String>> {
    let chosen = ["VISUAL", "EDITOR"].into_iter().filter_map(env::var_os).find(|editor| !editor.is_empty());
    edit_with(chosen.as_deref(), text, dir)
}

fn edit_with(editor: Option<&OsStr>, text: &str, dir: &Path) -> io::Result<Option<String>> {
    make_private(dir)?;
    let mut file = tempfile::Builder::new().prefix("ro-co-").suffix(".md").tempfile_in(dir)?;
    file.write_all(text.as_bytes())?;
    // Closed, for many editors replace the file by another one; removed at the end, whatever happens.
    let path = file.into_temp_path();
    if !run(editor, &path)?.success() {
        return Ok(None);
    }
    let mut edited = String::new();
    let size = File::open(&path)?.take(LONGEST + 1).read_to_string(&mut edited)? as u64;
    if size > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the text is far too long"));
    }
    // Editors end the last line, which the user did not type.
    if edited.ends_with('\n') && !text.ends_with('\n') {
        let line_end = if edited.ends_with("\r\n") { 2 } else { 1 };
        edited.truncate(edited.len() - line_end);
    }
    Ok(Some(edited))
}

fn run(editor: Option<&OsStr>, path: &Path) -> io::Result<ExitStatus> {
    if let Some(editor) = editor {
        // By the shell, as git does it: the variable may hold arguments (`code --wait`).
        let mut command = editor.to_owned();
        command.push(" \"$1\"");
        return Command::new("sh").arg("-c").arg(command).arg(editor).arg(path).status();
    }
    match Command::new("vi").arg(path).status() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Command::new("nano").arg(path).status(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt};

    use super::*;

    fn with(editor: &str, text: &str) -> (tempfile::TempDir, io::Result<Option<String>>) {
        let home = tempfile::tempdir().unwrap();
        let edited = edit_with(Some(OsStr::new(editor)), text, &home.path().join("state dir"));
        (home, edited)
    }

    #[test]
    fn gives_back_what_was_saved_and_leaves_nothing_behind() {
        let (home, edited) = with("sed -i s/typpo/typo/", "a typpo\nin $two \"lines\"");
        assert_eq!(edited.unwrap().unwrap(), "a typo\nin $two \"lines\"");
        assert_eq!(fs::read_dir(home.path().join("state dir")).unwrap().count(), 0);
    }

    #[test]
    fn the_last_line_end_belongs_to_the_editor() {
        for (editor, text, result) in [
            ("printf 'x\\n' >", "", "x"),
            ("printf 'x\\n\\n' >", "", "x\n"),
            ("printf 'x\\r\\n' >", "", "x"),
            ("printf 'x\\n' >", "y\n", "x\n"),
            ("printf '\\n' >", "", ""),
            (": >", "gone", ""),
        ] {
            assert_eq!(with(editor, text).1.unwrap().unwrap(), result, "{editor}");
        }
    }

    #[test]
    fn an_editor_that_fails_changes_nothing() {
        for editor in ["false", "/no/such/editor", "kill -9 $$ #"] {
            assert_eq!(with(editor, "old").1.unwrap(), None, "{editor}");
        }
    }

    #[test]
    fn only_the_user_can_read_it_meanwhile_and_it_looks_like_markdown() {
        let (home, edited) =
            with("f() { seen=$(stat -c '%a %n' \"$1\"); echo \"$seen\" > \"$1\"; }; f", "secret");
        let seen = edited.unwrap().unwrap();
        assert!(seen.starts_with("600 /") && seen.split('.').next_back() == Some("md"), "{seen}");
        assert_eq!(fs::metadata(home.path().join("state dir")).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn what_is_no_text_is_an_error() {
        assert_eq!(with("printf '\\377\\376' >", "").1.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(with("head -c 2000000 /dev/zero >", "").1.is_err());
        assert!(with("rm", "").1.is_err());
    }
}
