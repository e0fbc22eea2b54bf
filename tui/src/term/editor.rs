//! Hand-over to the user's editor.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::{task::spawn_blocking, time::timeout};

use crate::{clean::Clean, places::make_private};

/// Four times the longest text there may be.
const LONGEST: u64 = 1 << 20;
/// How long an editor that is told to end may take.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// What the shell says of a command that is not there.
const NOT_FOUND: i32 = 127;

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Edited {
    /// What was saved, if it is another text than before.
    pub text: Option<String>,
    /// What to tell the user, of an editor that is not there or did not end well.
    pub complaint: Option<Clean>,
}

impl Edited {
    fn not(why: &str) -> Self {
        Self { text: None, complaint: Some(Clean::line(why)) }
    }
}

/// Opens `text` in `$VISUAL`, `$EDITOR`, `vi` or `nano` and gives back what was saved, however the editor ended. When
/// `stop` is there first, the editor is told to end.
///
/// The terminal must have been left and the event stream dropped. The text lies in `dir` meanwhile, which is made if
/// needed, in a file only the user can read.
pub async fn edit(text: &str, dir: &Path, stop: impl Future<Output = ()>) -> Edited {
    let chosen = ["VISUAL", "EDITOR"].into_iter().filter_map(env::var_os).find(|editor| !editor.is_empty());
    edit_with(chosen, text, dir, stop)
        .await
        .unwrap_or_else(|why| Edited::not(&format!("Your editor could not be opened: {why}")))
}

async fn edit_with(
    chosen: Option<OsString>,
    text: &str,
    dir: &Path,
    stop: impl Future<Output = ()>,
) -> io::Result<Edited> {
    make_private(dir)?;
    let mut file = tempfile::Builder::new().prefix("ro-co-").suffix(".md").tempfile_in(dir)?;
    file.write_all(text.as_bytes())?;
    // Closed, for many editors replace the file by another one; removed at the end, unless it is all there is.
    let path = file.into_temp_path();
    let (name, child) = match spawn(chosen, &path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Edited::not(
                "There is neither vi nor nano here; $VISUAL or $EDITOR names your editor.",
            ));
        }
        spawned => spawned?,
    };
    let status = ended(child, stop).await?;
    match read(&path, text) {
        Ok(text) => Ok(Edited { complaint: complaint(&name, status, text.is_some()), text }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Edited::not(&format!("“{}” left no text; it is as it was.", name.display())))
        }
        Err(why) => {
            let kept = path.keep().map_err(|e| e.error)?;
            let name = name.display();
            Ok(Edited::not(&format!(
                "What “{name}” saved cannot be used: {why}. It is in {}",
                kept.display()
            )))
        }
    }
}

/// Starts the editor, and says what it is called.
fn spawn(chosen: Option<OsString>, path: &Path) -> io::Result<(OsString, Child)> {
    if let Some(editor) = chosen {
        // By the shell, as git does it: the variable may hold arguments (`code --wait`).
        let mut command = editor.clone();
        command.push(" \"$1\"");
        let child = Command::new("sh").arg("-c").arg(command).arg(&editor).arg(path).spawn()?;
        return Ok((editor, child));
    }
    let spawn = |name: &str| Command::new(name).arg(path).spawn().map(|child| (name.into(), child));
    match spawn("vi") {
        Err(e) if e.kind() == io::ErrorKind::NotFound => spawn("nano"),
        other => other,
    }
}

/// Waits for the editor's end; nothing is said of one that had to be stopped.
async fn ended(mut child: Child, stop: impl Future<Output = ()>) -> io::Result<Option<ExitStatus>> {
    let pid = Pid::from_child(&child);
    // Looks without taking note, so that the number stays this child's for as long as a signal may be sent to it.
    let mut over =
        spawn_blocking(move || waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT));
    tokio::select! {
        _ = &mut over => child.wait().map(Some),
        () = stop => {
            kill_process(pid, Signal::TERM)?;
            if timeout(LAST_WORDS, over).await.is_ok() {
                child.wait()?;
            }
            Ok(None)
        }
    }
}

/// What lies in the file, if it is not `text`.
fn read(path: &Path, text: &str) -> io::Result<Option<String>> {
    let mut edited = String::new();
    let size = File::open(path)?.take(LONGEST + 1).read_to_string(&mut edited)? as u64;
    if size > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the text is far too long"));
    }
    // Editors end the last line, which the user did not type.
    if edited.ends_with('\n') && !text.ends_with('\n') {
        let line_end = if edited.ends_with("\r\n") { 2 } else { 1 };
        edited.truncate(edited.len() - line_end);
    }
    Ok((edited != text).then_some(edited))
}

fn complaint(name: &OsStr, status: Option<ExitStatus>, saved: bool) -> Option<Clean> {
    let status = status.filter(|status| !status.success())?;
    let name = name.display();
    Some(Clean::line(&if status.code() == Some(NOT_FOUND) {
        format!("“{name}” was not found; $VISUAL or $EDITOR names your editor.")
    } else if saved {
        format!("“{name}” failed ({status}). What it saved is here.")
    } else {
        format!("“{name}” failed ({status}). The text is as it was.")
    }))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        future::{pending, ready},
        os::unix::fs::MetadataExt,
    };

    use super::*;

    async fn with(editor: &str, text: &str) -> (tempfile::TempDir, Edited) {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state dir");
        let edited = edit_with(Some(editor.into()), text, &dir, pending()).await.unwrap();
        (home, edited)
    }

    fn saved(text: &str) -> Edited {
        Edited { text: Some(text.into()), complaint: None }
    }

    #[tokio::test]
    async fn gives_back_what_was_saved_and_leaves_nothing_behind() {
        let (home, edited) = with("sed -i s/typpo/typo/", "a typpo\nin $two \"lines\"").await;
        assert_eq!(edited, saved("a typo\nin $two \"lines\""));
        assert_eq!(fs::read_dir(home.path().join("state dir")).unwrap().count(), 0);
        assert_eq!(with("true", "as it was").await.1, Edited::default());
    }

    #[tokio::test]
    async fn the_last_line_end_belongs_to_the_editor() {
        for (editor, text, result) in [
            ("printf 'x\\n' >", "", Some("x")),
            ("printf 'x\\n\\n' >", "", Some("x\n")),
            ("printf 'x\\r\\n' >", "", Some("x")),
            ("printf 'x\\n' >", "y\n", Some("x\n")),
            ("printf 'x\\n' >", "x", None),
            ("printf '\\n' >", "", None),
            (": >", "gone", Some("")),
        ] {
            assert_eq!(with(editor, text).await.1.text.as_deref(), result, "{editor}");
        }
    }

    #[tokio::test]
    async fn an_editor_that_fails_changes_nothing_and_is_named() {
        for editor in ["false", "/no/such/editor", "kill -9 $$ #"] {
            let Edited { text, complaint } = with(editor, "old").await.1;
            assert_eq!(text, None, "{editor}");
            assert!(complaint.unwrap().as_str().contains(&format!("“{editor}”")), "{editor}");
        }
        let missing = with("/no/such/editor", "").await.1.complaint.unwrap();
        assert!(missing.as_str().contains("$VISUAL or $EDITOR"), "{missing}");
    }

    #[tokio::test]
    async fn what_was_saved_is_kept_however_the_editor_ended() {
        let (_home, edited) = with("f() { echo new > \"$1\"; exit 1; }; f", "old").await;
        assert_eq!(edited.text.as_deref(), Some("new"));
        assert!(edited.complaint.unwrap().as_str().contains("is here"));
    }

    #[tokio::test]
    async fn an_editor_that_is_told_to_end_loses_nothing_it_saved() {
        let home = tempfile::tempdir().unwrap();
        let (mark, dir) = (home.path().join("mark"), home.path().join("state"));
        let editor = format!("f() {{ echo half > \"$1\"; : > {}; exec sleep 1000; }}; f", mark.display());
        let stop = async {
            while !mark.exists() {
                tokio::task::yield_now().await;
            }
        };
        let edit = edit_with(Some(editor.into()), "old", &dir, stop);
        let edited = timeout(Duration::from_secs(20), edit).await.unwrap().unwrap();
        assert_eq!(edited, saved("half"));
        let never = edit_with(Some("exec sleep 1000 #".into()), "old", &dir, ready(())).await.unwrap();
        assert_eq!(never, Edited::default());
    }

    #[tokio::test]
    async fn only_the_user_can_read_it_meanwhile_and_it_looks_like_markdown() {
        let (home, edited) =
            with("f() { seen=$(stat -c '%a %n' \"$1\"); echo \"$seen\" > \"$1\"; }; f", "secret").await;
        let seen = edited.text.unwrap();
        assert!(seen.starts_with("600 /") && seen.split('.').next_back() == Some("md"), "{seen}");
        assert_eq!(fs::metadata(home.path().join("state dir")).unwrap().mode() & 0o777, 0o700);
    }

    #[tokio::test]
    async fn what_is_no_text_is_left_where_it_can_be_found() {
        for editor in ["printf '\\377\\376' >", "head -c 2000000 /dev/zero >"] {
            let (home, edited) = with(editor, "old").await;
            assert_eq!(edited.text, None);
            let kept = fs::read_dir(home.path().join("state dir")).unwrap().next().unwrap().unwrap().path();
            let said = edited.complaint.unwrap();
            assert!(said.as_str().contains(kept.to_str().unwrap()), "{said}");
        }
        assert!(with("rm", "").await.1.complaint.is_some());
    }
}
