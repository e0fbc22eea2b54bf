//! One question with its answers.

mod posts;
mod reading;
mod view;

use std::time::Duration;

use ratatui::layout::Rect;
use ro_co_shared::AnswerId;

use self::posts::Posts;
use super::Page;
use crate::{
    input::{Action, ActionInfo, Hit, MOVES},
    model::{
        Answer, Change, Core, PagedList, Person, Question, ReqId, Revision, Tone, UiError, age_stays,
        cmd::Request,
    },
    msg::Outcome,
    nav::{Dialog, Go, Target},
    texts::detail as texts,
    widgets::{Canvas, body},
};

/// Ages are refreshed no more often than this.
const AGES: Duration = Duration::from_mins(1);

/// The page of a question.
pub(crate) struct Detail {
    question: Question,
    /// The question as it was last read, so that an edit of it can begin at once.
    revision: Option<Revision>,
    answers: PagedList<Answer>,
    /// 0 is the question, then its answers.
    selected: usize,
    /// The first line on the screen.
    scroll: usize,
    posts: Posts,
    asked: Option<ReqId>,
    marking: Option<ReqId>,
    /// The answer that was selected before a reload, until it is read again.
    seeking: Option<AnswerId>,
    gone: bool,
    ages_at: Duration,
}

impl Detail {
    /// The page of a question of which the list knows this much.
    pub(crate) fn new(question: Question) -> Self {
        Self {
            question,
            revision: None,
            answers: PagedList::default(),
            selected: 0,
            scroll: 0,
            posts: Posts::default(),
            asked: None,
            marking: None,
            seeking: None,
            gone: false,
            ages_at: Duration::ZERO,
        }
    }

    /// The selected answer, if it is not the question that is selected.
    fn current(&self) -> Option<&Answer> {
        self.answers.items().get(self.selected.checked_sub(1)?)
    }

    fn current_author(&self) -> &Person {
        self.current().map_or(&self.question.author, |answer| &answer.author)
    }

    /// Recomputes the line layout after a change of content or width.
    fn lay_out(&mut self, core: &Core) {
        self.posts = Posts::new(&self.question, self.answers.items(), body(core.size));
        self.selected = self.selected.min(self.answers.items().len());
        self.clamp(core);
    }

    fn clamp(&mut self, core: &Core) {
        // One line more than the posts have: what is said below the last one.
        self.scroll = self.scroll.min((self.posts.len() + 1).saturating_sub(rows(core)));
    }

    /// One step down: on through a post that is longer than the screen, else to the next one.
    fn down(&mut self, core: &Core) {
        let last_line = self.scroll + rows(core);
        if self.posts.bottom(self.selected) > last_line || self.selected == self.answers.items().len() {
            self.scroll += 1;
            self.clamp(core);
        } else {
            self.select(core, self.selected + 1);
        }
    }

    fn up(&mut self, core: &Core) {
        if self.posts.top(self.selected) < self.scroll || self.selected == 0 {
            self.scroll = self.scroll.saturating_sub(1);
        } else {
            self.select(core, self.selected - 1);
        }
    }

    /// Selects a post and shows all of it, or its beginning where it is longer than the screen.
    fn select(&mut self, core: &Core, post: usize) {
        self.selected = post.min(self.answers.items().len());
        let (top, bottom) = (self.posts.top(self.selected), self.posts.bottom(self.selected));
        if bottom > self.scroll + rows(core) {
            self.scroll = bottom - rows(core);
        }
        self.scroll = self.scroll.min(top);
        self.clamp(core);
    }

    /// Scrolls; the selection stays on the screen.
    fn scroll_by(&mut self, core: &Core, lines: isize) {
        self.scroll = self.scroll.saturating_add_signed(lines);
        self.clamp(core);
        let (first, last) = (self.posts.at(self.scroll), self.posts.at(self.scroll + rows(core) - 1));
        self.selected = self.selected.clamp(first, last.max(first));
    }

    fn mark(&mut self, core: &mut Core) {
        if self.marking.is_none() && core.may_change(&self.question.author) {
            let call = Request::Mark { id: self.question.id, answered: !self.question.answered };
            self.marking = Some(core.call(None, call));
        }
    }

    fn edit(&self, core: &mut Core) -> Go {
        if !core.may_change(self.current_author()) {
            core.toast(Tone::Plain, texts::NOT_YOURS_TO_CHANGE);
            return Go::Stay;
        }
        match self.current() {
            Some(answer) => Go::compose(Target::EditAnswer(answer.id)),
            None => Go::edit(Target::EditQuestion(self.question.id), self.revision.clone()),
        }
    }

    fn delete(&self, core: &mut Core) -> Go {
        if !core.may_change(self.current_author()) {
            core.toast(Tone::Plain, texts::NOT_YOURS_TO_DELETE);
            return Go::Stay;
        }
        Go::over(match self.current() {
            Some(answer) => Dialog::DeleteAnswer(answer.clone()),
            None => Dialog::DeleteQuestion(self.question.clone()),
        })
    }
}

/// Lines on the screen.
fn rows(core: &Core) -> usize {
    usize::from(body(core.size).height.max(1))
}

impl Page for Detail {
    fn title(&self, _: &Core) -> String {
        let answered = if self.question.answered { "answered" } else { "open" };
        format!("Question · {answered}")
    }

    fn actions(&self, core: &Core) -> Vec<ActionInfo> {
        let mine = core.may_change(self.current_author());
        let owner = core.may_change(&self.question.author);
        let mark = if self.question.answered { "mark open" } else { "mark answered" };
        let mut actions = vec![
            ActionInfo::new(Action::Back, "back"),
            ActionInfo::new(Action::Reply, "answer"),
            ActionInfo::new(Action::Edit, "edit").when(mine),
            ActionInfo::new(Action::Delete, "delete").when(mine),
            ActionInfo::new(Action::Mark, mark).when(owner),
            ActionInfo::new(Action::Reload, "reload"),
            ActionInfo::quiet(Action::Next, "next post"),
            ActionInfo::quiet(Action::Previous, "post before"),
            ActionInfo::quiet(Action::Who, "author"),
            ActionInfo::quiet(Action::Ask, "ask"),
            ActionInfo::quiet(Action::Quit, "back"),
        ];
        actions.extend(MOVES);
        actions
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Go {
        let page = isize::try_from(rows(core).saturating_sub(1)).unwrap_or(1);
        match action {
            Action::Up => self.up(core),
            Action::Down => self.down(core),
            Action::PageUp => self.scroll_by(core, -page),
            Action::PageDown => self.scroll_by(core, page),
            Action::Top => self.select(core, 0),
            Action::Bottom => {
                self.select(core, usize::MAX);
                self.scroll_by(core, isize::MAX);
            }
            Action::Next => self.select(core, self.selected + 1),
            Action::Previous => self.select(core, self.selected.saturating_sub(1)),
            Action::Reload => self.load(core),
            Action::Mark => self.mark(core),
            Action::Edit => return self.edit(core),
            Action::Delete => return self.delete(core),
            Action::Who => return Go::over(Dialog::Who(self.current_author().clone())),
            Action::Ask => return Go::compose(Target::Ask),
            Action::Reply => {
                let (question, title) = (self.question.id, self.question.title.clone());
                return Go::compose(Target::Answer { question, title });
            }
            Action::Back | Action::Quit => return Go::Back,
            _ => {}
        }
        self.prefetch(core);
        Go::Stay
    }

    fn entered(&mut self, core: &mut Core) {
        self.lay_out(core);
        self.load(core);
    }

    fn leaving(&mut self, core: &mut Core) {
        self.answers.abort(core);
        if let Some(req) = self.asked.take() {
            core.abort(req);
        }
    }

    fn resized(&mut self, core: &Core) {
        self.lay_out(core);
    }

    fn click(&mut self, core: &mut Core, hit: Hit) -> Go {
        if let Hit::Post(post) = hit {
            self.selected = post.min(self.answers.items().len());
            self.clamp(core);
        }
        Go::Stay
    }

    fn wheel(&mut self, core: &mut Core, lines: i32) {
        self.scroll_by(core, isize::try_from(lines).unwrap_or(0));
        self.prefetch(core);
    }

    fn awaits(&self, req: ReqId) -> bool {
        [self.asked, self.marking].contains(&Some(req)) || self.answers.awaits(req)
    }

    fn done(&mut self, core: &mut Core, req: ReqId, answer: Result<Outcome, UiError>) -> Go {
        if self.marking == Some(req) {
            self.marking = None;
            if let Err(trouble) = answer {
                core.toast_error(&trouble);
            }
        } else if self.asked == Some(req) {
            self.asked = None;
            self.question_read(core, answer);
        } else {
            self.answers_read(core, req, answer);
        }
        self.prefetch(core);
        Go::Stay
    }

    fn changed(&mut self, core: &mut Core, change: &Change) {
        match change {
            Change::Question { question, revision } if question.id == self.question.id => {
                self.question = question.clone();
                // Without a tag it cannot be told from a later one.
                self.revision = Some((**revision).clone()).filter(|revision| revision.etag.is_some());
            }
            Change::QuestionGone(id) if *id == self.question.id => self.gone = true,
            Change::Answered(answer) if answer.question == self.question.id => self.answered(core, answer),
            Change::Answer(new) => self.answers.update(new.id, |answer| *answer = new.clone()),
            Change::AnswerGone(id, _) => {
                if self.answers.remove(*id).is_some_and(|at| at < self.selected) {
                    self.selected -= 1;
                }
            }
            Change::Me(me) => {
                self.question.author.follow(me);
                for answer in self.answers.items_mut() {
                    answer.author.follow(me);
                }
            }
            _ => return,
        }
        self.lay_out(core);
    }

    fn is_gone(&self) -> bool {
        self.gone
    }

    fn wake(&self, core: &Core) -> Option<Duration> {
        let (first, last) = (self.posts.at(self.scroll), self.posts.at(self.scroll + rows(core)));
        let created = (first..=last).map(|post| match post.checked_sub(1) {
            None => self.question.created,
            Some(answer) => self.answers.items().get(answer).map_or(self.question.created, |a| a.created),
        });
        let next = created.map(|then| age_stays(core.now.wall, then)).min()?;
        Some((core.now.run + next).max(self.ages_at + AGES))
    }

    fn due(&mut self, core: &mut Core) {
        self.ages_at = core.now.run;
    }

    fn waiting(&self) -> Option<Duration> {
        self.answers.since()
    }

    fn retry(&mut self, core: &mut Core) {
        if self.answers.trouble().is_some() {
            self.load(core);
        } else if self.answers.retry_next() {
            self.prefetch(core);
        }
    }

    fn view(&self, core: &Core, canvas: &mut Canvas, area: Rect) {
        view::view(self, core, canvas, area);
    }
}
