//! What a question's page reads from the server, and how the selection survives that.

use super::{Detail, rows};
use crate::{
    cmd::{Call, Slot},
    model::{Answer, Change, Core, Kind, Paged, Tone, Trouble},
    msg::Outcome,
    screens::{body, posts::Posts},
};

impl Detail {
    pub(super) fn load(&mut self, core: &mut Core) {
        if let Some(req) = self.more.take() {
            core.abort(req);
        }
        self.more_trouble = None;
        let id = self.question.id;
        self.asked = Some(core.call(Some(Slot::Question), Call::Question(id)));
        let req = core.call(Some(Slot::Answers), Call::Answers { question: id, cursor: None });
        self.answers.request(req, core.now.run);
    }

    /// Reads the next page while there is still a screenful to go.
    pub(super) fn prefetch(&mut self, core: &mut Core) {
        let near = self.scroll + 2 * rows(core) >= self.posts.len() || self.seeking.is_some();
        if !near || self.more.is_some() || self.more_trouble.is_some() || self.answers.pending().is_some() {
            return;
        }
        if let Some(cursor) = self.answers.value().and_then(|answers| answers.next.clone()) {
            let call = Call::Answers { question: self.question.id, cursor: Some(cursor) };
            self.more = Some(core.call(None, call));
        }
    }

    pub(super) fn read(&mut self, core: &mut Core, answer: Result<Outcome, Trouble>) {
        match answer {
            Ok(Outcome::Answers(page)) => {
                self.seeking = self.current().map(|answer| answer.id);
                self.answers.answer(Ok(Paged::new(page)), |_, fresh| fresh);
                self.find_again(core);
            }
            Ok(_) => {}
            Err(trouble) => {
                core.plan_retry(&trouble);
                self.answers.answer(Err(trouble), |_, fresh: Paged<Answer>| fresh);
            }
        }
    }

    pub(super) fn read_on(&mut self, core: &mut Core, answer: Result<Outcome, Trouble>) {
        match answer {
            Ok(Outcome::Answers(page)) => {
                if let Some(answers) = self.answers.value_mut() {
                    answers.append(Paged::new(page));
                }
                self.find_again(core);
            }
            Ok(_) => {}
            Err(trouble) => {
                core.plan_retry(&trouble);
                self.more_trouble = Some(trouble);
            }
        }
    }

    /// The selection goes back to its answer as soon as that is there again.
    pub(super) fn find_again(&mut self, core: &Core) {
        self.posts = Posts::new(&self.question, self.answers(), body(core.size));
        let found = self.answers.value().zip(self.seeking).and_then(|(answers, id)| answers.position(id));
        if let Some(position) = found {
            self.selected = position + 1;
        }
        if found.is_some() || self.answers.value().is_some_and(|answers| answers.next.is_none()) {
            self.seeking = None;
            self.lay_out(core);
            // Found further down than the screen reaches: the screen follows.
            if let Some(position) = found {
                self.select(core, position + 1);
            }
        }
    }

    pub(super) fn question_read(&mut self, core: &mut Core, answer: Result<Outcome, Trouble>) {
        match answer {
            Ok(Outcome::Question(question)) => core.changes.push(Change::Question(question.value.into())),
            Ok(_) => {}
            Err(trouble) if trouble.kind == Kind::Gone => {
                core.toast(Tone::Plain, "This question has been deleted.");
                core.changes.push(Change::QuestionGone(self.question.id));
            }
            Err(trouble) => core.plan_retry(&trouble),
        }
    }

    /// One's own new answer goes to the end, where it belongs; if the end has not been read yet, reading goes
    /// on until it is found.
    pub(super) fn answered(&mut self, core: &mut Core, new: &Answer) {
        self.question.answers += 1;
        let Some(answers) = self.answers.value_mut() else { return };
        if answers.next.is_none() {
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
