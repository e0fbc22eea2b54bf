//! The questions, newest first, without end: pages follow by cursor before the reader reaches the end.

use std::time::Duration;

use ratatui::layout::Rect;
use ro_co_shared::QuestionId;

use super::{Compose, Detail, Go, Page, Profile, Screen, Target, body, list_view};
use crate::{
    cmd::{Call, Slot},
    input::{Action, ActionInfo, Hit, MOVES},
    model::{Change, Core, Paged, Question, Remote, ReqId, Tone, Trouble, age_stays},
    msg::Outcome,
    overlay::{Confirm, Who},
    widgets::Canvas,
};

/// Rows a question takes, with the gap below it.
pub(super) const ROW: u16 = 4;
/// Ages are refreshed no more often than this.
const AGES: Duration = Duration::from_mins(1);

/// The list.
pub(crate) struct List {
    pub(super) rows: Remote<Paged<Question>>,
    more: Option<ReqId>,
    /// Why the next page could not be read.
    pub(super) more_trouble: Option<Trouble>,
    /// The selected row; follows its question when rows come and go.
    pub(super) selected: usize,
    /// The first row on the screen.
    pub(super) offset: usize,
    marking: Option<ReqId>,
    ages_at: Duration,
}

impl Default for List {
    fn default() -> Self {
        Self {
            rows: Remote::Idle,
            more: None,
            more_trouble: None,
            selected: 0,
            offset: 0,
            marking: None,
            ages_at: Duration::ZERO,
        }
    }
}

impl List {
    /// The questions there are.
    pub(super) fn items(&self) -> &[Question] {
        self.rows.value().map_or(&[], |rows| &rows.items)
    }

    /// The selected question.
    fn current(&self) -> Option<&Question> {
        self.items().get(self.selected)
    }

    fn load(&mut self, core: &mut Core) {
        if let Some(req) = self.more.take() {
            core.abort(req);
        }
        self.more_trouble = None;
        let req = core.call(Some(Slot::List), Call::Questions { cursor: None });
        self.rows.request(req, core.now.run);
    }

    /// Reads the next page while there is still a screenful to go.
    fn prefetch(&mut self, core: &mut Core) {
        let ahead = self.offset + 3 * visible(core);
        let Some(rows) = self.rows.value() else { return };
        if self.more.is_some() || self.more_trouble.is_some() || self.rows.pending().is_some() {
            return;
        }
        if let (true, Some(cursor)) = (ahead >= rows.items.len(), rows.next.clone()) {
            self.more = Some(core.call(None, Call::Questions { cursor: Some(cursor) }));
        }
    }

    fn select(&mut self, core: &mut Core, index: usize) {
        self.selected = index.min(self.items().len().saturating_sub(1));
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

    /// Puts fresh rows on top of the old ones without moving what the user looks at.
    fn merge(&mut self, fresh: Paged<Question>) {
        let selected = self.current().map(|q| q.id);
        let on_screen = self.selected - self.offset;
        self.rows.answer(Ok(fresh), |old, fresh| fresh.on_top_of(old));
        let still_here = self.rows.value().zip(selected).and_then(|(rows, id)| rows.position(id));
        let last = self.items().len().saturating_sub(1);
        self.selected = still_here.unwrap_or(self.selected).min(last);
        self.offset = self.selected.saturating_sub(on_screen);
    }

    fn remove(&mut self, id: QuestionId) {
        let Some(at) = self.rows.value_mut().and_then(|rows| rows.remove(id)) else { return };
        let last = self.items().len().saturating_sub(1);
        self.selected = (self.selected - usize::from(at < self.selected)).min(last);
        self.offset = self.offset.min(self.selected);
    }

    fn update(&mut self, id: QuestionId, change: impl FnOnce(&mut Question)) {
        if let Some(rows) = self.rows.value_mut() {
            rows.update(id, change);
        }
    }

    fn mark(&mut self, core: &mut Core) {
        if self.marking.is_none()
            && let Some(question) = self.current().filter(|q| core.may_change(&q.author))
        {
            let call = Call::Mark { id: question.id, answered: !question.answered };
            self.marking = Some(core.call(None, call));
        }
    }

    fn listed(&mut self, core: &mut Core, answer: Result<Paged<Question>, Trouble>) {
        match answer {
            Ok(fresh) => self.merge(fresh),
            Err(trouble) => {
                core.plan_retry(&trouble);
                if self.rows.value().is_some() {
                    core.complain(&trouble);
                }
                self.rows.answer(Err(trouble), |_, fresh: Paged<Question>| fresh);
            }
        }
        self.prefetch(core);
    }
}

/// Questions that fit on the screen.
pub(super) fn visible(core: &Core) -> usize {
    usize::from((body(core.size).height / ROW).max(1))
}

fn page(answer: Result<Outcome, Trouble>) -> Option<Result<Paged<Question>, Trouble>> {
    match answer {
        Ok(Outcome::Questions(page)) => Some(Ok(Paged::new(page))),
        Ok(_) => None,
        Err(trouble) => Some(Err(trouble)),
    }
}

impl Page for List {
    fn title(&self, _: &Core) -> String {
        match self.rows.value() {
            Some(rows) => {
                format!("Questions ({}{})", rows.items.len(), if rows.next.is_some() { "+" } else { "" })
            }
            None => "Questions".into(),
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
            ActionInfo::quiet(Action::Who, "who asked this").when(current.is_some()),
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
            Action::Ask => return Go::to(Screen::Compose(Box::new(Compose::new(core, Target::Ask)))),
            Action::Profile => return Go::to(Screen::Profile(Profile::default())),
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
        let Some(index) = self.items().iter().position(|q| q.id == id) else { return Go::Stay };
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
        [self.rows.pending(), self.more, self.marking].contains(&Some(req))
    }

    fn done(&mut self, core: &mut Core, req: ReqId, answer: Result<Outcome, Trouble>) -> Go {
        if self.marking == Some(req) {
            self.marking = None;
            if let Err(trouble) = answer {
                core.complain(&trouble);
            }
        } else if self.more == Some(req) {
            self.more = None;
            match page(answer) {
                Some(Ok(page)) => {
                    self.rows.value_mut().into_iter().for_each(|rows| rows.append(page.clone()));
                }
                Some(Err(trouble)) => {
                    core.plan_retry(&trouble);
                    self.more_trouble = Some(trouble);
                }
                None => {}
            }
            self.prefetch(core);
        } else if let Some(answer) = page(answer) {
            self.listed(core, answer);
        }
        Go::Stay
    }

    fn changed(&mut self, core: &mut Core, change: &Change) {
        match change {
            Change::Asked(question) => {
                if let Some(rows) =
                    self.rows.value_mut().filter(|r| r.items.iter().all(|q| q.id != question.id))
                {
                    rows.items.insert(0, question.clone());
                    self.select(core, 0);
                }
            }
            Change::Question(new) => self.update(new.id, |q| *q = new.clone()),
            Change::QuestionGone(id) => self.remove(*id),
            Change::Answered(answer) => self.update(answer.question, |q| q.answers += 1),
            Change::AnswerGone(_, id) => self.update(*id, |q| q.answers = (q.answers - 1).max(0)),
            Change::Answer(_) => {}
            Change::Me(me) => {
                for question in self.rows.value_mut().into_iter().flat_map(|rows| &mut rows.items) {
                    question.author.follow(me);
                }
            }
        }
        self.show_selected(core);
    }

    fn wake(&self, core: &Core) -> Option<Duration> {
        let shown = self.items().iter().skip(self.offset).take(visible(core));
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
        } else if self.more_trouble.take().is_some() {
            self.prefetch(core);
        }
    }

    fn view(&self, core: &Core, canvas: &mut Canvas, area: Rect) {
        list_view::view(self, core, canvas, area);
    }
}

impl List {
    /// What concerns the selected question.
    fn act_on_current(&mut self, core: &mut Core, action: Action) -> Go {
        let Some(question) = self.current() else { return Go::Stay };
        let mine = core.may_change(&question.author);
        match action {
            Action::Open => Go::to(Screen::Detail(Box::new(Detail::new(question.clone())))),
            Action::Reply => {
                let target = Target::Answer { question: question.id, title: question.title.clone() };
                Go::to(Screen::Compose(Box::new(Compose::new(core, target))))
            }
            Action::Edit if mine => {
                Go::to(Screen::Compose(Box::new(Compose::new(core, Target::EditQuestion(question.id)))))
            }
            Action::Who => Go::Over(Box::new(Who::over(&question.author))),
            Action::Delete if mine => Go::Over(Box::new(Confirm::delete_question(question))),
            Action::Edit | Action::Delete => {
                core.toast(Tone::Plain, "Only its author can change this question.");
                Go::Stay
            }
            _ => Go::Stay,
        }
    }
}
