//! Runs the user's editor.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::{task::spawn_blocking, time::timeout};

use crate::{clean::Clean, places::make_private};

/// Four times the longest text there may be.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// How long an editor that is told to end may take.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// An editor that a person has used ends no sooner.
const TOO_SOON: Duration = Duration::from_secs(1);
/// What the shell says of a command that is not there.
const NOT_FOUND: i32 = 127;

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Edited {
    /// What was saved, if it is another text than before.
    pub text: Option<String>,
    /// What to tell the user, of an editor that is not there or did not end well.
    pub complaint: Option<Clean>,
    /// The file, where an editor came back so soon that it may still be open in a window of its own.
    pub kept: Option<EditorFile>,
}

/// A text left in a file for an editor that may still be open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EditorFile {
    /// The file.
    pub path: PathBuf,
    /// What was put into it.
    pub text: String,
}

impl EditorFile {
    /// What was saved in it since, if anything was; the file goes then.
    pub fn take(&self) -> Option<String> {
        let saved = read(&self.path, &self.text).ok().flatten()?;
        self.remove();
        Some(saved)
    }

    /// Removes the file, unless something unseen was saved in it.
    pub fn discard(&self) {
        if read(&self.path, &self.text).is_ok_and(|saved| saved.is_none()) {
            self.remove();
        }
    }

    fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "Editor's file not removed");
        }
    }
}

impl Edited {
    fn not(why: &str) -> Self {
        Self { text: None, complaint: Some(Clean::line(why)), kept: None }
    }
}

/// Opens `text` in `$VISUAL`, `$EDITOR`, `vi` or `nano` and gives back what was saved, however the editor ended. When
/// `stop` is there first, the editor is told to end.
///
/// The terminal must have been left and the event stream dropped. The text lies in `dir` meanwhile, which is made if
/// needed, in a file only the user can read.
pub async fn edit(text: &str, dir: &Path, stop: impl Future<Output = ()>) -> Edited {
    let chosen = ["VISUAL", "EDITOR"].into_iter().filter_map(env::var_os).find(|editor| !editor.is_empty());
    let began = Instant::now();
    edit_with(chosen, text, dir, stop, || began.elapsed())
        .await
        .unwrap_or_else(|why| Edited::not(&format!("Your editor could not be opened: {why}")))
}

async fn edit_with(
    chosen: Option<OsString>,
    text: &str,
    dir: &Path,
    stop: impl Future<Output = ()>,
    elapsed: impl Fn() -> Duration,
) -> io::Result<Edited> {
    make_private(dir)?;
    let mut file = tempfile::Builder::new().prefix("ro-co-").suffix(".md").tempfile_in(dir)?;
    file.write_all(text.as_bytes())?;
    // Closed, for many editors replace the file by another one; removed at the end, unless it is all there is.
    let path = file.into_temp_path();
    let (name, child) = match spawn(chosen, &path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Edited::not("No editor found: set $VISUAL or $EDITOR."));
        }
        spawned => spawned?,
    };
    let status = ended(child, stop).await?;
    match read(&path, text) {
        // It looks as if it had not waited for its window to be closed.
        Ok(None) if status.is_some_and(|status| status.success()) && elapsed() < TOO_SOON => {
            let path = path.keep().map_err(|e| e.error)?;
            let name = name.display();
            let hint = format!(
                "“{name}” ended at once. If its window is still open, save there and press the editor key again; \
                 an editor that is told to wait (such as `code --wait`) needs no second key. The text is in {}",
                path.display()
            );
            let kept = Some(EditorFile { path, text: text.to_owned() });
            Ok(Edited { text: None, complaint: Some(Clean::line(&hint)), kept })
        }
        Ok(text) => Ok(Edited { complaint: complaint(&name, status, text.is_some()), text, kept: None }),
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
            if timeout(SHUTDOWN_LIMIT, over).await.is_ok() {
                child.wait()?;
            }
            Ok(None)
        }
    }
}

/// What lies in the file, if it is not `text`.
fn read(path: &Path, text: &str) -> io::Result<Option<String>> {
    let mut edited = String::new();
    let size = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut edited)? as u64;
    if size > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the text is far too long"));
    }
    // Some editors mark a file as UTF-8 and end its lines as on Windows; neither is part of the text.
    let mut edited = edited.strip_prefix('\u{FEFF}').unwrap_or(&edited).replace("\r\n", "\n");
    // Editors end the last line, which the user did not type.
    if edited.ends_with('\n') && !text.ends_with('\n') {
        edited.pop();
    }
    Ok((edited != text).then_some(edited))
}

fn complaint(name: &OsStr, status: Option<ExitStatus>, saved: bool) -> Option<Clean> {
    let status = status.filter(|status| !status.success())?;
    let name = name.display();
    Some(Clean::line(&if status.code() == Some(NOT_FOUND) {
        format!("“{name}” was not found: set $VISUAL or $EDITOR.")
    } else if saved {
        format!("“{name}” failed ({status}). What it saved is here.")
    } else {
        format!("“{name}” failed ({status}). The text is as it was.")
    }))
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        os::unix::fs::MetadataExt,
    };

    use super::*;

    async fn with(editor: &str, text: &str) -> (tempfile::TempDir, Edited) {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state dir");
        let edited = edit_with(Some(editor.into()), text, &dir, pending(), || LONG).await.unwrap();
        (home, edited)
    }

    /// As long as a person takes.
    const LONG: Duration = Duration::from_secs(20);

    fn saved(text: &str) -> Edited {
        Edited { text: Some(text.into()), ..Edited::default() }
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
            ("printf 'x\\r\\ny\\r\\n' >", "", Some("x\ny")),
            ("printf '\\357\\273\\277x\\n' >", "", Some("x")),
            ("printf '\\357\\273\\277x\\r\\n' >", "x", None),
            (": >", "gone", Some("")),
        ] {
            assert_eq!(with(editor, text).await.1.text.as_deref(), result, "{editor}");
        }
    }

    #[tokio::test]
    async fn an_editor_that_fails_changes_nothing_and_is_named() {
        for editor in ["false", "/no/such/editor", "kill -9 $$ #"] {
            let Edited { text, complaint, .. } = with(editor, "old").await.1;
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
        let edit = edit_with(Some(editor.into()), "old", &dir, stop, || LONG);
        let edited = timeout(Duration::from_secs(20), edit).await.unwrap().unwrap();
        assert_eq!(edited, saved("half"));
        let never =
            edit_with(Some("exec sleep 1000 #".into()), "old", &dir, ready(()), || LONG).await.unwrap();
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

    #[tokio::test]
    async fn an_editor_that_does_not_wait_is_told_from_one_that_changed_nothing() {
        let home = tempfile::tempdir().unwrap();
        let after = |elapsed| edit_with(Some("true".into()), "old", home.path(), pending(), move || elapsed);
        assert_eq!(after(TOO_SOON).await.unwrap(), Edited::default());
        let soon = after(TOO_SOON - Duration::from_millis(1)).await.unwrap();
        let (kept, hint) = (soon.kept.unwrap(), soon.complaint.unwrap());
        assert!(
            hint.as_str().contains("--wait") && hint.as_str().contains(kept.path.to_str().unwrap()),
            "{hint}"
        );
        assert_eq!(kept.take(), None, "not saved yet");
        fs::write(&kept.path, "new\r\n").unwrap();
        kept.discard();
        assert_eq!(kept.take().as_deref(), Some("new"), "what was saved is not thrown away unseen");
        assert!(!kept.path.exists());
        let again = after(Duration::ZERO).await.unwrap().kept.unwrap();
        again.discard();
        assert!(!again.path.exists(), "nothing is left of what nobody saved");
        let failed = edit_with(Some("false".into()), "old", home.path(), pending(), || Duration::ZERO);
        assert_eq!(failed.await.unwrap().kept, None, "one that failed says so itself");
    }
}
