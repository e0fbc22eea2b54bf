//! The questions, newest first, without end: pages follow by cursor before the reader reaches the end.

mod view;

use std::time::Duration;

use ratatui::layout::Rect;
use ro_co_shared::QuestionId;

use super::Page;
use crate::{
    input::{Action, ActionInfo, Hit, MOVES},
    model::{
        Change, Core, PagedList, Part, Question, ReqId, Tone, UiError, age_stays,
        cmd::{Request, Slot},
    },
    msg::Outcome,
    nav::{Dialog, Go, Route, Target},
    texts::list as texts,
    widgets::{Canvas, body},
};

/// Rows a question takes, with the gap below it.
const ROW: u16 = 4;
/// Ages are refreshed no more often than this.
const AGES: Duration = Duration::from_mins(1);

/// The list.
#[derive(Default)]
pub(crate) struct List {
    rows: PagedList<Question>,
    /// The selected row; follows its question when rows come and go.
    selected: usize,
    /// The first row on the screen.
    offset: usize,
    marking: Option<ReqId>,
    ages_at: Duration,
}

impl List {
    /// The selected question.
    fn current(&self) -> Option<&Question> {
        self.rows.items().get(self.selected)
    }

    fn load(&mut self, core: &mut Core) {
        self.rows.reload(core, Slot::List, Request::Questions { cursor: None });
    }

    /// Reads the next page while there is still a screenful to go.
    fn prefetch(&mut self, core: &mut Core) {
        if self.offset + 3 * visible(core) >= self.rows.items().len() {
            self.rows.read_on(core, |cursor| Request::Questions { cursor: Some(cursor) });
        }
    }

    fn select(&mut self, core: &mut Core, index: usize) {
        self.selected = index.min(self.last());
        self.show_selected(core);
        self.prefetch(core);
    }

    fn show_selected(&mut self, core: &Core) {
        let rows = visible(core);
        self.offset = self.offset.clamp((self.selected + 1).saturating_sub(rows), self.selected);
    }

    fn step(&mut self, core: &mut Core, rows: isize) {
        self.select(core, self.selected.saturating_add_signed(rows));
    }

    /// Takes a page in, without moving what the user looks at.
    fn listed(&mut self, core: &mut Core, req: ReqId, answer: Result<Outcome, UiError>) {
        let Some(answer) = answer.map(Outcome::questions).transpose() else { return };
        let shown = self.rows.rows().is_some();
        let failure = answer.as_ref().err().cloned();
        let selected = self.current().map(|q| q.id);
        let on_screen = self.selected - self.offset;
        let part = self.rows.done(core, req, answer, |old, fresh| fresh.on_top_of(old));
        match (part, failure) {
            (Part::First, None) => {
                let still_here = selected.and_then(|id| self.rows.position(id));
                let row = still_here.unwrap_or(self.selected).min(self.last());
                // At the top one stays at the top, where the new rows are, and the selection with its question; where
                // that is pushed off the screen, a selection that was at the top as well stays there.
                (self.selected, self.offset) = match (self.offset, row < visible(core)) {
                    (0, true) => (row, 0),
                    (0, false) if on_screen == 0 => (0, 0),
                    _ => (row, row.saturating_sub(on_screen)),
                };
            }
            (Part::First, Some(trouble)) if shown => core.toast_error(&trouble),
            _ => {}
        }
        self.prefetch(core);
    }

    fn remove(&mut self, id: QuestionId) {
        let Some(at) = self.rows.remove(id) else { return };
        self.selected = (self.selected - usize::from(at < self.selected)).min(self.last());
        self.offset = self.offset.min(self.selected);
    }

    /// The last row.
    fn last(&self) -> usize {
        self.rows.items().len().saturating_sub(1)
    }

    fn mark(&mut self, core: &mut Core) {
        if self.marking.is_none()
            && let Some(question) = self.current().filter(|q| core.may_change(&q.author))
        {
            let call = Request::Mark { id: question.id, answered: !question.answered };
            self.marking = Some(core.call(None, call));
        }
    }
}

/// Questions that fit on the screen.
fn visible(core: &Core) -> usize {
    usize::from((body(core.size).height / ROW).max(1))
}

impl Page for List {
    fn title(&self, _: &Core) -> String {
        match self.rows.rows() {
            Some(rows) => {
                let more = if rows.next.is_some() { "+" } else { "" };
                format!("{} ({}{more})", texts::TITLE, rows.items.len())
            }
            None => texts::TITLE.into(),
        }
    }

    fn actions(&self, core: &Core) -> Vec<ActionInfo> {
        let current = self.current();
        let mine = current.is_some_and(|q| core.may_change(&q.author));
        let mark = if current.is_some_and(|q| q.answered) { "mark open" } else { "mark answered" };
        let mut actions = vec![
            ActionInfo::new(Action::Open, "open").when(current.is_some()),
            ActionInfo::new(Action::Ask, "ask"),
            ActionInfo::new(Action::Reply, "answer").when(current.is_some()),
            ActionInfo::new(Action::Edit, "edit").when(mine),
            ActionInfo::new(Action::Delete, "delete").when(mine),
            ActionInfo::new(Action::Mark, mark).when(mine),
            ActionInfo::new(Action::Reload, "reload"),
            ActionInfo::new(Action::Profile, "me"),
            ActionInfo::quiet(Action::Who, "author").when(current.is_some()),
            ActionInfo::new(Action::Quit, "quit"),
        ];
        actions.extend(MOVES);
        actions
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Go {
        let screenful = isize::try_from(visible(core)).unwrap_or(1);
        match action {
            Action::Up => self.step(core, -1),
            Action::Down => self.step(core, 1),
            Action::PageUp => self.step(core, -screenful),
            Action::PageDown => self.step(core, screenful),
            Action::Top => self.select(core, 0),
            Action::Bottom => self.select(core, usize::MAX),
            Action::Reload => self.load(core),
            Action::Mark => self.mark(core),
            Action::Ask => return Go::compose(Target::Ask),
            Action::Profile => return Go::To(Route::Profile),
            Action::Quit => return Go::Back,
            _ => return self.act_on_current(core, action),
        }
        Go::Stay
    }

    fn entered(&mut self, core: &mut Core) {
        self.load(core);
    }

    fn resized(&mut self, core: &Core) {
        self.show_selected(core);
    }

    fn click(&mut self, core: &mut Core, hit: Hit) -> Go {
        let Hit::Question(id) = hit else { return Go::Stay };
        let Some(index) = self.rows.position(id) else { return Go::Stay };
        // The first click selects, a click on what is selected opens.
        if index == self.selected {
            return self.act(core, Action::Open);
        }
        self.select(core, index);
        Go::Stay
    }

    fn wheel(&mut self, core: &mut Core, lines: i32) {
        self.step(core, if lines < 0 { -1 } else { 1 });
    }

    fn awaits(&self, req: ReqId) -> bool {
        self.rows.awaits(req) || self.marking == Some(req)
    }

    fn done(&mut self, core: &mut Core, req: ReqId, answer: Result<Outcome, UiError>) -> Go {
        if self.marking == Some(req) {
            self.marking = None;
            if let Err(trouble) = answer {
                core.toast_error(&trouble);
            }
        } else {
            self.listed(core, req, answer);
        }
        Go::Stay
    }

    fn changed(&mut self, core: &mut Core, change: &Change) {
        match change {
            Change::Asked(question) => {
                if let Some(rows) = self.rows.rows_mut().filter(|rows| rows.position(question.id).is_none()) {
                    rows.items.insert(0, question.clone());
                    self.select(core, 0);
                }
            }
            Change::Question { question, .. } => self.rows.update(question.id, |q| *q = question.clone()),
            Change::QuestionGone(id) => self.remove(*id),
            Change::Answered(answer) => self.rows.update(answer.question, |q| q.answers += 1),
            Change::AnswerGone(_, id) => self.rows.update(*id, |q| q.answers = (q.answers - 1).max(0)),
            Change::Answer(_) => {}
            Change::Me(me) => {
                for question in self.rows.items_mut() {
                    question.author.follow(me);
                }
            }
        }
        self.show_selected(core);
    }

    fn wake(&self, core: &Core) -> Option<Duration> {
        let shown = self.rows.items().iter().skip(self.offset).take(visible(core));
        let next = shown.map(|q| age_stays(core.now.wall, q.created)).min()?;
        Some((core.now.run + next).max(self.ages_at + AGES))
    }

    fn due(&mut self, core: &mut Core) {
        self.ages_at = core.now.run;
    }

    fn waiting(&self) -> Option<Duration> {
        self.rows.since()
    }

    fn retry(&mut self, core: &mut Core) {
        if self.rows.trouble().is_some() {
            self.load(core);
        } else if self.rows.retry_next() {
            self.prefetch(core);
        }
    }

    fn view(&self, core: &Core, canvas: &mut Canvas, area: Rect) {
        view::view(self, core, canvas, area);
    }
}

impl List {
    /// What concerns the selected question.
    fn act_on_current(&mut self, core: &mut Core, action: Action) -> Go {
        let Some(question) = self.current() else { return Go::Stay };
        let mine = core.may_change(&question.author);
        match action {
            Action::Open => Go::To(Route::Detail(Box::new(question.clone()))),
            Action::Reply => {
                Go::compose(Target::Answer { question: question.id, title: question.title.clone() })
            }
            Action::Edit if mine => Go::compose(Target::EditQuestion(question.id)),
            Action::Who => Go::over(Dialog::Who(question.author.clone())),
            Action::Delete if mine => Go::over(Dialog::DeleteQuestion(question.clone())),
            Action::Edit | Action::Delete => {
                core.toast(Tone::Plain, texts::NOT_YOURS);
                Go::Stay
            }
            _ => Go::Stay,
        }
    }
}
