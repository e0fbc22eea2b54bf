//! What was typed and not yet sent, in files, so that it survives crash, quit, expiry and logout.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use ro_co_shared::{AnswerId, QuestionId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    api::{Origin, file_name},
    places::{make_private, replace},
};

/// Four times the longest text there may be; a larger file is none of ours.
const LONGEST: u64 = 1 << 20;
const SUFFIX: &str = ".json";

/// What a draft is of. One draft each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DraftOf {
    /// A new question.
    Question,
    /// A new answer to this question.
    AnswerTo(QuestionId),
    /// A change of this question.
    EditQuestion(QuestionId),
    /// A change of this answer.
    EditAnswer(AnswerId),
}

impl DraftOf {
    fn file_name(self) -> String {
        match self {
            Self::Question => format!("ask{SUFFIX}"),
            Self::AnswerTo(id) => format!("answer-to-{id}{SUFFIX}"),
            Self::EditQuestion(id) => format!("edit-question-{id}{SUFFIX}"),
            Self::EditAnswer(id) => format!("edit-answer-{id}{SUFFIX}"),
        }
    }

    fn of_file_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix(SUFFIX)?;
        if name == "ask" {
            return Some(Self::Question);
        }
        let id = |prefix| name.strip_prefix(prefix);
        if let Some(id) = id("answer-to-") {
            return id.parse().ok().map(Self::AnswerTo);
        }
        if let Some(id) = id("edit-question-") {
            return id.parse().ok().map(Self::EditQuestion);
        }
        id("edit-answer-")?.parse().ok().map(Self::EditAnswer)
    }
}

/// What was typed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// The title; empty for answers.
    #[serde(default)]
    pub title: String,
    /// The text.
    #[serde(default)]
    pub body: String,
    /// The `Idempotency-Key` under which it was or will be sent: sent twice, it is still one.
    pub key: String,
    /// For a change: the version it changes, so that a conflict is still noticed when the draft comes back.
    #[serde(default)]
    pub etag: Option<String>,
    /// When it was saved.
    pub saved_at: Timestamp,
}

/// The drafts for one server. Every operation reads or writes one small file.
#[derive(Clone, Debug)]
pub struct Drafts {
    dir: PathBuf,
}

impl Drafts {
    /// Drafts for `origin` under `state_dir`, in a directory that is made by the first save.
    pub fn new(state_dir: &Path, origin: &Origin) -> Self {
        Self { dir: state_dir.join("drafts").join(file_name(origin.key())) }
    }

    /// Saves, replacing the earlier one at once or not at all.
    pub fn save(&self, of: DraftOf, draft: &Draft) -> io::Result<()> {
        make_private(&self.dir)?;
        replace(&self.path(of), &serde_json::to_vec(draft)?)
    }

    /// The draft, if there is one that can be read. A broken file is set aside, under its name and `.broken`.
    pub fn load(&self, of: DraftOf) -> Option<Draft> {
        let path = self.path(of);
        let read = read(&path);
        if let Err(error) = &read
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %path.display(), %error, "a draft cannot be read and was set aside");
            // Whatever comes of it, the user can type.
            let _ = fs::rename(&path, path.with_extension("broken"));
        }
        read.ok()
    }

    /// Removes it; fine when there is none.
    pub fn delete(&self, of: DraftOf) -> io::Result<()> {
        match fs::remove_file(self.path(of)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    /// All of them, latest first.
    pub fn list(&self) -> Vec<(DraftOf, Draft)> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let kinds = names.filter_map(|name| DraftOf::of_file_name(&name));
        let mut drafts: Vec<_> = kinds.filter_map(|of| Some((of, self.load(of)?))).collect();
        drafts.sort_by_key(|(_, draft)| std::cmp::Reverse(draft.saved_at));
        drafts
    }

    fn path(&self, of: DraftOf) -> PathBuf {
        self.dir.join(of.file_name())
    }
}

fn read(path: &Path) -> io::Result<Draft> {
    let mut text = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn drafts() -> (tempfile::TempDir, Drafts) {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::new(dir.path(), &Origin::parse("https://x.org", false).unwrap());
        (dir, drafts)
    }

    fn draft(body: &str, saved_at: i64) -> Draft {
        Draft {
            title: "Why?".into(),
            body: body.into(),
            key: "k".into(),
            etag: None,
            saved_at: Timestamp(saved_at),
        }
    }

    #[test]
    fn each_thing_has_a_draft_of_its_own_and_the_latest_comes_first() {
        let (_dir, drafts) = drafts();
        let (question, answer) = (QuestionId::new(), AnswerId::new());
        let all = [
            DraftOf::Question,
            DraftOf::AnswerTo(question),
            DraftOf::EditQuestion(question),
            DraftOf::EditAnswer(answer),
        ];
        for (n, of) in (0..).zip(all) {
            drafts.save(of, &draft("old", 0)).unwrap();
            drafts.save(of, &draft(&format!("text {n}"), n)).unwrap();
        }
        assert_eq!(
            drafts.list().iter().map(|(of, _)| *of).collect::<Vec<_>>(),
            all.iter().rev().copied().collect::<Vec<_>>()
        );
        assert_eq!(drafts.load(all[2]).unwrap(), draft("text 2", 2));
        drafts.delete(all[2]).unwrap();
        drafts.delete(all[2]).unwrap();
        assert_eq!(drafts.load(all[2]), None);
        assert_eq!(drafts.list().len(), 3);
        let mode = fs::metadata(drafts.path(DraftOf::Question)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn servers_do_not_share_drafts() {
        let (dir, drafts) = drafts();
        drafts.save(DraftOf::Question, &draft("x", 0)).unwrap();
        let other = Drafts::new(dir.path(), &Origin::local("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(other.load(DraftOf::Question), None);
    }

    #[test]
    fn a_broken_file_is_set_aside_and_can_be_looked_at() {
        let (_dir, drafts) = drafts();
        drafts.save(DraftOf::Question, &draft("x", 0)).unwrap();
        let path = drafts.path(DraftOf::Question);
        for broken in [&b""[..], b"{", b"\xff\xfe", b"{\"title\":1}", b"[]"] {
            fs::write(&path, broken).unwrap();
            assert_eq!(drafts.load(DraftOf::Question), None);
            assert_eq!(fs::read(path.with_extension("broken")).unwrap(), broken);
            assert!(!path.exists());
        }
        fs::create_dir(&path).unwrap();
        fs::remove_file(path.with_extension("broken")).unwrap();
        assert_eq!(drafts.load(DraftOf::Question), None, "a directory of that name");
        fs::write(drafts.dir.join("notes.json"), "mine").unwrap();
        assert!(drafts.list().is_empty());
        assert!(drafts.dir.join("notes.json").exists(), "what is not ours is left alone");
    }

    #[test]
    fn any_text_comes_back_as_typed() {
        let (_dir, drafts) = drafts();
        let typed = draft("\u{1b}[31m \"quotes\" \\ \n\ttabs 🙂 \u{202e}", 1);
        drafts.save(DraftOf::Question, &typed).unwrap();
        assert_eq!(drafts.load(DraftOf::Question).unwrap(), typed);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error_not_a_crash() {
        let drafts = Drafts::new(Path::new("/dev/null"), &Origin::local("127.0.0.1:1".parse().unwrap()));
        drafts.save(DraftOf::Question, &draft("x", 0)).unwrap_err();
        assert_eq!(drafts.load(DraftOf::Question), None);
        assert!(drafts.list().is_empty());
    }
}
