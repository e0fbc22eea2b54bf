//! The compose screen: writes or edits a question or an answer, and keeps a draft of it.

mod conflict;
mod draft;
mod target;

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use ro_co_shared::UserId;
use uuid::Uuid;

use super::Page;
use crate::{
    drafts::{Draft, DraftId, TypedText},
    input::{Action, ActionInfo, Context, Hit},
    model::{Change, Core, ErrorKind, ReqId, Revision, ToastTopic, Tone, UiError, cmd::Cmd},
    msg::Outcome,
    nav::{Dialog, Go, Target},
    term::Edited,
    texts::compose as texts,
    widgets::{Button, Canvas, Form, form_view, paragraphs},
};

/// A text being written.
pub(crate) struct Compose {
    target: Target,
    /// The author, also if another user signs in meanwhile.
    by: Option<UserId>,
    form: Form,
    /// Sent with the text and kept with its draft: however often it is sent, it is posted once.
    key: Uuid,
    /// The version that is being changed, and its text.
    source: Option<Revision>,
    /// The texts that were sent, whose answers may have been lost.
    attempted: Vec<TypedText>,
    sent: Option<(ReqId, Duration)>,
    fetching: Option<(ReqId, Duration)>,
    /// The newer version on the server, in a conflict.
    theirs: Option<Revision>,
    stage: Stage,
    save_at: Option<Duration>,
    changed: bool,
    restored: bool,
    fate: ComposeStatus,
    trouble: Option<UiError>,
}

/// Where it stands in a conflict of versions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// In none.
    #[default]
    Writing,
    /// It was refused, for it changes an older version. If the newer one is an earlier text of mine it is sent again.
    Refused,
    /// The other text took its place; one undo brings it back.
    TookTheirs,
}

/// What becomes of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ComposeStatus {
    /// It is being written.
    Open,
    /// What it changes is no longer there: nor is the use of a draft.
    TargetDeleted,
    /// It was posted, or thrown away.
    Finished,
}

impl Compose {
    /// A page for a text; of an edit, with the text to be changed where that has been read already.
    pub(crate) fn new(core: &Core, target: Target, revision: Option<Revision>) -> Self {
        let button = Button { label: target.verb(), action: Action::Submit };
        let form = Form::new(target.fields(), vec![button]);
        let mut compose = Self {
            target,
            by: core.my_id(),
            form,
            key: core.fresh_key,
            source: None,
            attempted: Vec::new(),
            sent: None,
            fetching: None,
            theirs: None,
            stage: Stage::Writing,
            save_at: None,
            changed: false,
            restored: false,
            fate: ComposeStatus::Open,
            trouble: None,
        };
        if let Some(revision) = revision {
            compose.fill(&revision.text);
            compose.source = Some(revision);
        }
        compose
    }

    fn typed(&self) -> Revision {
        Revision {
            text: TypedText::new(self.form.text("title"), self.form.text("description")),
            etag: self.source.as_ref().and_then(|source| source.etag.clone()),
        }
    }

    /// Whether typing has any effect now: not before there is a text to change, not while it is being sent.
    fn is_open(&self) -> bool {
        self.sent.is_none() && (!self.target.is_edit() || self.source.is_some() || self.restored)
    }

    fn fetch(&mut self, core: &mut Core) {
        if let (None, Some(call)) = (self.fetching, self.target.fetch()) {
            self.trouble = None;
            self.fetching = Some((core.call(None, call), core.now.run));
        }
    }

    fn submit(&mut self, core: &mut Core) {
        if !self.is_open() {
            return;
        }
        self.form.clear_errors();
        self.trouble = None;
        let typed = self.typed();
        let request = match self.target.request(&typed, self.key) {
            Ok(request) => request,
            Err(errors) => {
                self.form.set_field_errors(&errors);
                return;
            }
        };
        self.save(core);
        self.attempted.push(typed.text);
        self.sent = Some((core.call(None, request), core.now.run));
    }

    fn sent(&mut self, core: &mut Core, answer: Result<Outcome, UiError>) -> Go {
        self.sent = None;
        match answer {
            Ok(_) => self.saved(core),
            Err(trouble) => {
                self.refused(core, &trouble);
                Go::Stay
            }
        }
    }

    /// What was sent is there.
    fn saved(&mut self, core: &mut Core) -> Go {
        self.finish(core);
        core.toast(Tone::Good, self.target.done());
        Go::Back
    }

    fn refused(&mut self, core: &mut Core, trouble: &UiError) {
        match trouble.kind {
            ErrorKind::Stale => {
                self.stage = Stage::Refused;
                self.fetch(core);
            }
            ErrorKind::KeyReused => {
                self.key = core.fresh_key;
                self.trouble = Some(UiError::refused(texts::KEY_REUSED));
            }
            ErrorKind::Gone if self.target.is_edit() => self.target_deleted(),
            ErrorKind::Gone => {
                self.trouble = Some(UiError::refused(texts::QUESTION_DELETED));
            }
            _ => {
                self.form.set_errors_of(trouble);
                self.trouble = Some(trouble.clone());
            }
        }
    }

    /// What is being changed has been deleted.
    fn target_deleted(&mut self) {
        self.fate = ComposeStatus::TargetDeleted;
        self.trouble =
            Some(UiError::refused(if self.changed { texts::DELETED_WITH_CHANGE } else { texts::DELETED }));
    }

    /// There is nothing left to do here.
    fn finish(&mut self, core: &mut Core) {
        self.fate = ComposeStatus::Finished;
        core.toasts.forget(ToastTopic::Draft);
        core.outbox.extend(self.draft_id().map(Cmd::DropDraft));
    }

    /// Stops sending; the text is still here.
    fn cancel_request(&mut self, core: &mut Core, req: ReqId) {
        core.abort(req);
        self.sent = None;
        self.trouble = Some(UiError::refused(texts::CANCELED));
    }
}

impl Page for Compose {
    fn title(&self, _: &Core) -> String {
        self.target.heading().into()
    }

    fn context(&self) -> Context {
        Context::Form
    }

    fn actions(&self, _: &Core) -> Vec<ActionInfo> {
        let open = self.is_open();
        vec![
            ActionInfo::new(Action::Submit, self.target.verb()).when(open),
            ActionInfo::new(Action::Back, if self.sent.is_some() { "stop" } else { "back, keep draft" }),
            ActionInfo::new(Action::Editor, "editor").when(open),
            ActionInfo::new(Action::Discard, "discard").when(open),
            ActionInfo::quiet(Action::Next, "next field"),
            ActionInfo::quiet(Action::Previous, "field before"),
            ActionInfo::quiet(Action::Undo, "undo").when(open),
            ActionInfo::quiet(Action::Reload, "reload").when(!open && self.fetching.is_none()),
            ActionInfo::quiet(Action::Exit, "quit, keep draft"),
        ]
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Go {
        match (action, self.sent) {
            (Action::Back, Some((req, _))) => self.cancel_request(core, req),
            (Action::Back, None) => return Go::Back,
            (Action::Reload, None) if self.target.is_edit() && self.source.is_none() => self.fetch(core),
            _ if !self.is_open() || self.form.act(action) => {}
            (Action::Accept, _) => {
                let tall = self.form.focused().is_some_and(|field| field.tall);
                if let Some(action) = self.form.accept() {
                    return self.act(core, action);
                }
                if tall {
                    self.touched(core);
                }
            }
            (Action::Submit, _) => self.submit(core),
            (Action::Undo, _) if self.undo() => self.touched(core),
            (Action::Editor, _) => core.outbox.push(Cmd::Edit(self.form.text("description"))),
            (Action::Discard, _) => return Go::over(Dialog::Discard(self.target.heading())),
            (Action::Yes, _) => {
                self.finish(core);
                return Go::Back;
            }
            (Action::Mine, _) => self.overwrite_with_mine(core),
            (Action::Theirs, _) => self.use_theirs(core),
            _ => {}
        }
        Go::Stay
    }

    fn entered(&mut self, core: &mut Core) {
        core.outbox.extend(self.draft_id().map(Cmd::FindDraft));
        if self.source.is_none() {
            self.fetch(core);
        }
    }

    fn leaving(&mut self, core: &mut Core) {
        for (req, _) in self.sent.take().into_iter().chain(self.fetching.take()) {
            core.abort(req);
        }
        core.toasts.forget(ToastTopic::Draft);
        if self.fate == ComposeStatus::TargetDeleted {
            self.finish(core);
        }
        self.save(core);
    }

    fn key(&mut self, core: &mut Core, key: KeyEvent) {
        if self.is_open() && self.form.key(key) {
            self.touched(core);
        }
    }

    fn paste(&mut self, core: &mut Core, text: &str) {
        if self.is_open() {
            self.form.paste(text);
            self.touched(core);
        }
    }

    fn click(&mut self, _: &mut Core, hit: Hit) -> Go {
        self.form.click(hit);
        Go::Stay
    }

    fn wheel(&mut self, _: &mut Core, lines: i32) {
        if let Some(field) = self.form.focused().filter(|field| field.tall) {
            field.scroll(lines);
        }
    }

    fn awaits(&self, req: ReqId) -> bool {
        [self.sent, self.fetching].into_iter().flatten().any(|(sent, _)| sent == req)
    }

    fn done(&mut self, core: &mut Core, req: ReqId, answer: Result<Outcome, UiError>) -> Go {
        if self.fetching.is_some_and(|(sent, _)| sent == req) {
            self.fetching = None;
            return self.fetched(core, answer);
        }
        self.sent(core, answer)
    }

    fn draft(&mut self, core: &mut Core, id: DraftId, draft: Option<&Draft>) {
        if Some(id) == self.draft_id()
            && let Some(draft) = draft.filter(|_| !self.changed)
        {
            self.restore(core, draft);
        }
    }

    fn changed(&mut self, _: &mut Core, change: &Change) {
        if self.target.goes_with(change) && self.fate == ComposeStatus::Open {
            self.target_deleted();
        }
    }

    fn edited(&mut self, core: &mut Core, edited: Edited) {
        if let (Some(text), Some(field)) = (edited.text, self.form.field_mut("description")) {
            field.replace(&text);
            self.touched(core);
        }
        if let Some(complaint) = edited.complaint {
            core.toast(Tone::Bad, complaint);
        }
    }

    fn wake(&self, _: &Core) -> Option<Duration> {
        self.save_at
    }

    fn due(&mut self, core: &mut Core) {
        if self.save_at.is_some_and(|at| at <= core.now.run) {
            self.save(core);
        }
    }

    fn waiting(&self) -> Option<Duration> {
        self.sent.or(self.fetching).map(|(_, since)| since)
    }

    fn retry(&mut self, core: &mut Core) {
        self.trouble.take_if(|trouble| trouble.passes());
        if self.source.is_none() {
            self.fetch(core);
        }
    }

    fn view(&self, _: &Core, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let about = self.target.about();
        let loading = (!self.is_open() && self.fetching.is_some()).then_some(texts::LOADING);
        let sending = self.sent.map(|_| texts::SENDING);
        let trouble = self.trouble.as_ref().map(|trouble| (trouble.text.as_str(), theme.bad));
        let notes =
            [about.as_deref(), loading, sending].into_iter().flatten().map(|note| (note, theme.muted));
        let rest = paragraphs(canvas, area, notes.chain(trouble));
        if self.is_open() || self.sent.is_some() {
            form_view(&self.form, canvas, rest);
        }
    }
}
