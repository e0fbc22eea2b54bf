//! Drafts on disk: they survive crash, quit, expiry and sign-out.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use ro_co_shared::{
    AnswerId, AnswerText, Body, EditAnswer, EditQuestion, FieldError, Form as _, QuestionId, QuestionText,
    Timestamp, Title, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{
    api::Origin,
    places::{file_name, make_private, replace},
};

/// Four times the longest text there may be; a larger file is none of ours.
const MAX_FILE_BYTES: u64 = 1 << 20;

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
            Self::Question => "ask.json".into(),
            Self::AnswerTo(id) => format!("answer-to-{id}.json"),
            Self::EditQuestion(id) => format!("edit-question-{id}.json"),
            Self::EditAnswer(id) => format!("edit-answer-{id}.json"),
        }
    }
}

/// Whose draft, and of what: who else signs in here does not get it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DraftId {
    /// Who wrote it.
    pub by: UserId,
    /// What it is of.
    pub of: DraftOf,
}

/// What was typed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// The text; its fields stand beside the others in the file.
    #[serde(flatten)]
    pub text: TypedText,
    /// The `Idempotency-Key` under which it was or will be sent: sent twice, it is still one.
    pub key: String,
    /// For a change: the version it changes, so that a conflict is still noticed when the draft comes back.
    #[serde(default)]
    pub etag: Option<String>,
    /// When it was saved.
    pub saved_at: Timestamp,
}

/// A text as it is typed: not checked yet, and unlike what is shown not cleaned, for an edit changes nothing else.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TypedText {
    /// The title; empty for an answer.
    #[serde(default)]
    pub title: String,
    /// The rest.
    #[serde(default)]
    pub body: String,
}

impl TypedText {
    /// A text of these parts.
    pub fn new(title: impl Into<String>, body: impl Into<String>) -> Self {
        Self { title: title.into(), body: body.into() }
    }

    /// The text of a question, checked.
    pub(crate) fn as_question(&self) -> Result<QuestionText, Vec<FieldError>> {
        // A text that is blank is left out: it is no valid one.
        let description = Some(self.body.as_str()).filter(|body| !body.trim().is_empty());
        let description = description.map(Into::into).unwrap_or_default();
        // The limit is one of what is sent, and the counter leaves the space around a title out.
        EditQuestion { title: self.title.trim().into(), description }.check()
    }

    /// The text of an answer, checked.
    pub(crate) fn as_answer(&self) -> Result<AnswerText, Vec<FieldError>> {
        EditAnswer { description: self.body.as_str().into() }.check()
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_blank(&self) -> bool {
        self.title.trim().is_empty() && self.body.trim().is_empty()
    }

    /// Whether the server would store both texts as the same one.
    pub(crate) fn is_stored_as(&self, other: &Self) -> bool {
        self.stored() == other.stored()
    }

    /// Title and text as the server stores them: trimmed, with one form of newline, and no text where it is blank.
    fn stored(&self) -> (String, String) {
        let title =
            self.title.parse::<Title>().map_or_else(|_| self.title.clone(), |title| title.to_string());
        let body = self.body.parse::<Body>().map(|body| body.to_string());
        (title, body.unwrap_or_else(|_| self.body.trim().to_owned()))
    }
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
    pub fn save(&self, id: DraftId, draft: &Draft) -> io::Result<()> {
        make_private(&self.dir_of(id.by))?;
        replace(&self.path(id), &serde_json::to_vec(draft)?)
    }

    /// The draft, if there is one that can be read. A broken file is set aside, under its name and `.broken`.
    pub fn load(&self, id: DraftId) -> Option<Draft> {
        let path = self.path(id);
        let read = read(&path);
        if let Err(error) = &read
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %path.display(), %error, "Unreadable draft set aside");
            // Whatever comes of it, the user can type.
            let _ = fs::rename(&path, path.with_extension("broken"));
        }
        read.ok()
    }

    /// Removes it; fine when there is none.
    pub fn delete(&self, id: DraftId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    fn dir_of(&self, user: UserId) -> PathBuf {
        self.dir.join(user.to_string())
    }

    fn path(&self, id: DraftId) -> PathBuf {
        self.dir_of(id.by).join(id.of.file_name())
    }
}

fn read(path: &Path) -> io::Result<Draft> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut text)?;
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
            text: TypedText::new("Why?", body),
            key: "k".into(),
            etag: None,
            saved_at: Timestamp(saved_at),
        }
    }

    fn mine(of: DraftOf) -> DraftId {
        DraftId { by: UserId(uuid::Uuid::from_u128(1)), of }
    }

    #[test]
    fn each_thing_has_a_draft_of_its_own() {
        let (_dir, drafts) = drafts();
        let (question, answer) = (QuestionId::new(), AnswerId::new());
        let all = [
            DraftOf::Question,
            DraftOf::AnswerTo(question),
            DraftOf::EditQuestion(question),
            DraftOf::EditAnswer(answer),
        ]
        .map(mine);
        for (n, id) in (0..).zip(all) {
            drafts.save(id, &draft("old", 0)).unwrap();
            drafts.save(id, &draft(&format!("text {n}"), n)).unwrap();
        }
        for (n, id) in (0..).zip(all) {
            assert_eq!(drafts.load(id), Some(draft(&format!("text {n}"), n)));
        }
        drafts.delete(all[2]).unwrap();
        drafts.delete(all[2]).unwrap();
        assert_eq!(all.map(|id| drafts.load(id).is_some()), [true, true, false, true]);
        let mode = fs::metadata(drafts.path(all[0])).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn users_do_not_share_drafts() {
        let (_dir, drafts) = drafts();
        let adas = mine(DraftOf::Question);
        let bobs = DraftId { by: UserId(uuid::Uuid::from_u128(2)), ..adas };
        drafts.save(adas, &draft("x", 0)).unwrap();
        assert_eq!(drafts.load(bobs), None);
        drafts.delete(bobs).unwrap();
        assert!(drafts.load(adas).is_some());
    }

    #[test]
    fn servers_do_not_share_drafts() {
        let (dir, drafts) = drafts();
        drafts.save(mine(DraftOf::Question), &draft("x", 0)).unwrap();
        let other = Drafts::new(dir.path(), &Origin::local("127.0.0.1:8080".parse().unwrap(), None));
        assert_eq!(other.load(mine(DraftOf::Question)), None);
    }

    #[test]
    fn a_broken_file_is_set_aside_and_can_be_looked_at() {
        let (_dir, drafts) = drafts();
        drafts.save(mine(DraftOf::Question), &draft("x", 0)).unwrap();
        let path = drafts.path(mine(DraftOf::Question));
        for broken in [&b""[..], b"{", b"\xff\xfe", b"{\"title\":1}", b"[]"] {
            fs::write(&path, broken).unwrap();
            assert_eq!(drafts.load(mine(DraftOf::Question)), None);
            assert_eq!(fs::read(path.with_extension("broken")).unwrap(), broken);
            assert!(!path.exists());
        }
        fs::create_dir(&path).unwrap();
        fs::remove_file(path.with_extension("broken")).unwrap();
        assert_eq!(drafts.load(mine(DraftOf::Question)), None, "a directory of that name");
    }

    #[test]
    fn any_text_comes_back_as_typed() {
        let (_dir, drafts) = drafts();
        let typed = draft("\u{1b}[31m \"quotes\" \\ \n\ttabs 🙂 \u{202e}", 1);
        drafts.save(mine(DraftOf::Question), &typed).unwrap();
        assert_eq!(drafts.load(mine(DraftOf::Question)).unwrap(), typed);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error_not_a_crash() {
        let drafts =
            Drafts::new(Path::new("/dev/null"), &Origin::local("127.0.0.1:1".parse().unwrap(), None));
        drafts.save(mine(DraftOf::Question), &draft("x", 0)).unwrap_err();
        assert_eq!(drafts.load(mine(DraftOf::Question)), None);
    }

    #[test]
    fn texts_are_compared_as_they_are_stored() {
        let text = TypedText::new;
        assert!(text(" Why? ", "a\r\nb").is_stored_as(&text("Why?", "a\nb")));
        assert!(text("Why?", " \n").is_stored_as(&text("Why?", "")));
        assert!(!text("Why?", "a").is_stored_as(&text("Why?", "b")));
        assert!(!text("Why?", "a").is_stored_as(&text("Why not?", "a")));
    }

    #[test]
    fn drafts_of_the_previous_release_come_back() {
        let (_dir, drafts) = drafts();
        let id = mine(DraftOf::Question);
        drafts.save(id, &draft("x", 0)).unwrap();
        fs::write(drafts.path(id), include_bytes!("../fixtures/draft-0.1.json")).unwrap();
        let read = drafts.load(id).unwrap();
        assert_eq!(read.text, TypedText::new("Warum „so“? 🙂", "Zeile 1\n\tZeile 2"));
        assert_eq!(read.key, "0193f3e0-0000-7000-8000-000000000001");
        assert_eq!((read.etag.as_deref(), read.saved_at), (Some("\"7\""), Timestamp(1_763_817_727_120)));
        drafts.save(id, &read).unwrap();
        let fields = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        let written = fs::read(drafts.path(id)).unwrap();
        assert_eq!(
            fields(&written),
            fields(include_bytes!("../fixtures/draft-0.1.json")),
            "and for it as well"
        );
    }
}
