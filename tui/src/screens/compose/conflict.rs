//! Edit conflicts.

use super::{Compose, Stage};
use crate::{
    clean::Clean,
    drafts::TypedText,
    model::{Change, Core, ErrorKind, Revision, UiError},
    msg::Outcome,
    nav::{Dialog, Go},
    widgets::Field,
};

impl Compose {
    /// The text on the server has arrived: to be changed, or to be told from mine.
    pub(super) fn fetched(&mut self, core: &mut Core, answer: Result<Outcome, UiError>) -> Go {
        let theirs: Revision = match answer {
            // As it is, to be changed only where the user changes it; drawing cleans it.
            Ok(Outcome::Question(question)) => {
                core.changes.push(Change::question(question.clone()));
                question.into()
            }
            Ok(Outcome::Answer(answer)) => answer.into(),
            Ok(_) => return Go::Stay,
            Err(trouble) => {
                core.plan_retry(&trouble);
                match trouble.kind {
                    ErrorKind::Gone => self.target_deleted(),
                    _ => self.trouble = Some(trouble),
                }
                return Go::Stay;
            }
        };
        self.trouble = None;
        let resend = std::mem::take(&mut self.stage) == Stage::Refused;
        if self.source.is_none() && !self.restored {
            self.fill(&theirs.text);
            self.source = Some(theirs);
            return Go::Stay;
        }
        if self.restored && self.source.as_ref().is_none_or(|source| source.etag == theirs.etag) {
            self.source = Some(theirs);
            return Go::Stay;
        }
        if theirs.text.is_stored_as(&self.typed().text) {
            // An earlier save of this very text has arrived, though its answer did not.
            return self.saved(core);
        }
        if self.attempted.iter().any(|attempted| theirs.text.is_stored_as(attempted)) {
            // As above, but more was typed since: that goes on top of it.
            self.source = Some(theirs);
            if resend {
                self.submit(core);
            }
            return Go::Stay;
        }
        let conflict =
            Dialog::Conflict { title: Clean::text(&theirs.text.title), body: Clean::text(&theirs.text.body) };
        self.theirs = Some(theirs);
        Go::over(conflict)
    }

    pub(super) fn fill(&mut self, typed: &TypedText) {
        for (name, text) in [("title", &typed.title), ("description", &typed.body)] {
            if let Some(field) = self.form.field_mut(name) {
                field.replace(text);
            }
        }
    }

    /// My text replaces theirs, knowingly.
    pub(super) fn overwrite_with_mine(&mut self, core: &mut Core) {
        if let Some(theirs) = self.theirs.take() {
            self.source = Some(theirs);
            self.submit(core);
        }
    }

    /// Their text replaces mine; undo brings mine back, title and text at once.
    pub(super) fn use_theirs(&mut self, core: &mut Core) {
        if let Some(theirs) = self.theirs.take() {
            self.fill(&theirs.text);
            self.source = Some(theirs);
            self.stage = Stage::TookTheirs;
            self.touched(core);
        }
    }

    /// Takes the latest change back. Says whether there was one.
    pub(super) fn undo(&mut self) -> bool {
        let took = std::mem::take(&mut self.stage) == Stage::TookTheirs;
        if took && self.form.fields.iter().all(Field::is_replaced) {
            return self.form.fields.iter_mut().map(Field::undo).filter(|undone| *undone).count() > 0;
        }
        self.form.undo()
    }
}
