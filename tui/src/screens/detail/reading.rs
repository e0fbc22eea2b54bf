//! What a question's page reads from the server, and how the selection survives that.

use super::{Detail, posts::Posts, rows};
use crate::{
    model::{
        Answer, Change, Core, ErrorKind, Part, ReqId, Tone, UiError,
        cmd::{Request, Slot},
    },
    msg::Outcome,
    texts::detail as texts,
    widgets::body,
};

impl Detail {
    pub(super) fn load(&mut self, core: &mut Core) {
        let id = self.question.id;
        self.asked = Some(core.call(Some(Slot::Question), Request::Question(id)));
        self.answers.reload(core, Slot::Answers, Request::Answers { question: id, cursor: None });
    }

    /// Reads the next page while there is still a screenful to go.
    pub(super) fn prefetch(&mut self, core: &mut Core) {
        let question = self.question.id;
        if self.scroll + 2 * rows(core) >= self.posts.len() || self.seeking.is_some() {
            self.answers.read_on(core, |cursor| Request::Answers { question, cursor: Some(cursor) });
        }
    }

    pub(super) fn answers_read(&mut self, core: &mut Core, req: ReqId, answer: Result<Outcome, UiError>) {
        let Some(answer) = answer.map(Outcome::answers).transpose() else { return };
        let came = answer.is_ok();
        let selected = self.current().map(|answer| answer.id);
        let part = self.answers.done(core, req, answer, |_, fresh| fresh);
        if came && part == Part::First {
            self.seeking = selected;
        }
        if came {
            self.find_again(core);
        }
    }

    /// The selection goes back to its answer as soon as that is there again.
    pub(super) fn find_again(&mut self, core: &Core) {
        self.posts = Posts::new(&self.question, self.answers.items(), body(core.size));
        let found = self.seeking.and_then(|id| self.answers.position(id));
        if let Some(position) = found {
            self.selected = position + 1;
        }
        if found.is_some() || self.answers.is_complete() {
            self.seeking = None;
            self.lay_out(core);
            // Found further down than the screen reaches: the screen follows.
            if let Some(position) = found {
                self.select(core, position + 1);
            }
        }
    }

    pub(super) fn question_read(&mut self, core: &mut Core, answer: Result<Outcome, UiError>) {
        match answer {
            Ok(Outcome::Question(question)) => core.changes.push(Change::question(question)),
            Ok(_) => {}
            Err(trouble) if trouble.kind == ErrorKind::Gone => {
                core.toast(Tone::Plain, texts::DELETED);
                core.changes.push(Change::QuestionGone(self.question.id));
            }
            Err(trouble) => core.plan_retry(&trouble),
        }
    }

    /// One's own new answer goes to the end, where it belongs; if the end has not been read yet, reading goes
    /// on until it is found.
    pub(super) fn answered(&mut self, core: &mut Core, new: &Answer) {
        self.question.answers += 1;
        let complete = self.answers.is_complete();
        let Some(answers) = self.answers.rows_mut() else { return };
        if complete {
            if answers.position(new.id).is_none() {
                answers.items.push(new.clone());
            }
            self.lay_out(core);
            self.select(core, usize::MAX);
        } else {
            self.seeking = Some(new.id);
            self.prefetch(core);
        }
    }
}
