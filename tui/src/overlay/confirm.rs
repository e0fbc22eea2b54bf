//! Confirmation dialogs, which name what they are about.

use std::time::Duration;

use ratatui::layout::{Position, Rect};

use crate::{
    clean::Clean,
    input::{Action, ActionInfo},
    model::{Answer, Core, Question, ReqId, Tone, UiError, cmd::Request},
    msg::Outcome,
    nav::Go,
    texts::dialog as texts,
    widgets::{Canvas, cut, paragraph},
};

/// Cells of a title that are enough to know a thing by, and leave room for what is said about it.
const NAME: usize = 48;

/// What confirming does.
#[derive(Clone, Debug)]
enum Then {
    /// A request; the overlay stays until it is answered.
    Request(Request),
    /// The screen below gets the yes.
    Screen,
}

/// A question to be answered with yes or no.
pub(crate) struct Confirm {
    question: Clean,
    yes: &'static str,
    then: Then,
    sent: Option<(ReqId, Duration)>,
    /// Whether Enter agrees; at first it declines, so that a key too many deletes nothing.
    agrees: bool,
}

impl Confirm {
    /// Deletes a question.
    pub(crate) fn delete_question(question: &Question) -> Self {
        let title = cut(question.title.as_str(), NAME);
        let text = texts::delete_question(&title, question.answers);
        Self::new(&text, texts::DELETE, Then::Request(Request::DeleteQuestion(question.id)))
    }

    /// Deletes an answer.
    pub(crate) fn delete_answer(answer: &Answer) -> Self {
        let start = cut(answer.body.as_str().lines().next().unwrap_or_default(), NAME);
        let author = cut(answer.author.name.as_str(), NAME / 2);
        let text = texts::delete_answer(&start, &author);
        Self::new(
            &text,
            texts::DELETE,
            Then::Request(Request::DeleteAnswer { id: answer.id, question: answer.question }),
        )
    }

    /// Throws a text away.
    pub(crate) fn discard(what: &str) -> Self {
        let text = texts::discard(what);
        Self::new(&text, texts::DISCARD, Then::Screen)
    }

    fn new(text: &str, yes: &'static str, then: Then) -> Self {
        Self { question: Clean::line(text), yes, then, sent: None, agrees: false }
    }

    pub(super) fn actions(&self) -> Vec<ActionInfo> {
        vec![
            ActionInfo::new(Action::Yes, self.yes).when(self.sent.is_none()),
            ActionInfo::new(Action::No, texts::KEEP).when(self.sent.is_none()),
            ActionInfo::quiet(Action::Accept, "what is highlighted").when(self.sent.is_none()),
            ActionInfo::quiet(Action::Next, "the other choice").when(self.sent.is_none()),
        ]
    }

    pub(super) fn act(&mut self, core: &mut Core, action: Action) -> Go {
        match (action, &self.then) {
            _ if self.sent.is_some() => Go::Stay,
            (Action::Yes, Then::Screen) => Go::Pass(Action::Yes),
            (Action::Yes, Then::Request(call)) => {
                self.sent = Some((core.call(None, call.clone()), core.now.run));
                Go::Stay
            }
            (Action::No, _) => Go::CloseOverlay,
            (Action::Next | Action::Previous, _) => {
                self.agrees = !self.agrees;
                Go::Stay
            }
            (Action::Accept, _) => self.act(core, if self.agrees { Action::Yes } else { Action::No }),
            _ => Go::Stay,
        }
    }

    pub(super) fn awaits(&self, req: ReqId) -> bool {
        self.sent.is_some_and(|(sent, _)| sent == req)
    }

    pub(super) fn done(core: &mut Core, answer: Result<Outcome, UiError>) -> Go {
        match answer {
            Ok(_) => core.toast(Tone::Good, texts::DELETED),
            Err(trouble) => core.toast_error(&trouble),
        }
        Go::CloseOverlay
    }

    pub(super) fn waiting(&self) -> Option<Duration> {
        self.sent.map(|(_, since)| since)
    }

    pub(super) fn view(&self, canvas: &mut Canvas) {
        let area = canvas.middle(56, 9);
        let theme = canvas.theme;
        let inside = canvas.overlay(area, texts::CONFIRM);
        let text = Rect { height: inside.height.saturating_sub(2), ..inside };
        paragraph(canvas, text, self.question.as_str(), theme.text);
        let last = Position::new(inside.x, inside.bottom().saturating_sub(1));
        if self.sent.is_some() {
            canvas.text(Rect { y: last.y, height: 1, ..inside }, texts::DELETING, theme.muted);
            return;
        }
        let wide = canvas.button(last, self.yes, Action::Yes, self.agrees);
        canvas.button(Position::new(last.x + wide + 2, last.y), texts::KEEP, Action::No, !self.agrees);
    }
}
