//! Two people changed the same text: mine is kept, theirs is shown, I choose.

use super::Compose;
use crate::{
    api::Versioned,
    clean::Clean,
    model::{Core, Kind, Trouble},
    msg::Outcome,
    nav::Dialog,
};

/// A text at some point of its life.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Version {
    /// The title; empty for an answer.
    pub(crate) title: String,
    /// The rest.
    pub(crate) body: String,
    /// Names the version for `If-Match`.
    pub(crate) etag: Option<String>,
}

impl Compose {
    /// The text on the server has arrived: to be changed, or to be told from mine.
    pub(super) fn fetched(&mut self, core: &mut Core, answer: Result<Outcome, Trouble>) -> Option<Dialog> {
        let theirs = match answer {
            // As it is, to be changed only where the user changes it; drawing cleans it.
            Ok(Outcome::Question(Versioned { value, etag })) => {
                Version { title: value.title, body: value.description.unwrap_or_default(), etag }
            }
            Ok(Outcome::Answer(Versioned { value, etag })) => {
                Version { title: String::new(), body: value.description, etag }
            }
            Ok(_) => return None,
            Err(trouble) => {
                core.plan_retry(&trouble);
                match trouble.kind {
                    Kind::Gone => self.lose_target(),
                    _ => self.trouble = Some(trouble),
                }
                return None;
            }
        };
        self.trouble = None;
        if self.source.is_none() && !self.restored {
            self.fill(&theirs);
            self.source = Some(theirs);
            return None;
        }
        if self.restored && self.source.as_ref().is_none_or(|source| source.etag == theirs.etag) {
            self.source = Some(theirs);
            return None;
        }
        let conflict =
            Dialog::Conflict { title: Clean::text(&theirs.title), body: Clean::text(&theirs.body) };
        self.theirs = Some(theirs);
        Some(conflict)
    }

    fn fill(&mut self, version: &Version) {
        for (name, text) in [("title", &version.title), ("description", &version.body)] {
            if let Some(field) = self.form.field_mut(name) {
                field.replace(text);
            }
        }
    }

    /// My text replaces theirs, knowingly.
    pub(super) fn keep_mine(&mut self, core: &mut Core) {
        if let Some(theirs) = self.theirs.take() {
            self.source = Some(theirs);
            self.submit(core);
        }
    }

    /// Their text replaces mine; undo brings mine back.
    pub(super) fn take_theirs(&mut self, core: &mut Core) {
        if let Some(theirs) = self.theirs.take() {
            self.fill(&theirs);
            self.source = Some(theirs);
            self.touched(core);
        }
    }
}
