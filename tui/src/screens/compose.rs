//! Writing: a question, an answer, or a change of either. Nothing typed is ever lost.

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
    drafts::{Draft, DraftId},
    input::{Action, ActionInfo, Context, Hit},
    model::{About, Change, Core, Kind, ReqId, Revision, Tone, Trouble, cmd::Cmd},
    msg::Outcome,
    nav::{Dialog, Go, Target},
    term::Edited,
    widgets::{Button, Canvas, Form, form_view, paragraphs},
};

/// A text being written.
pub(crate) struct Compose {
    target: Target,
    /// Whose text it is, and will be whoever signs in meanwhile.
    by: Option<UserId>,
    form: Form,
    /// Sent with the text and kept with its draft: however often it is sent, it is posted once.
    key: Uuid,
    /// The version that is being changed, and its text.
    source: Option<Revision>,
    /// The texts that were sent, whose answers may have been lost.
    attempted: Vec<Revision>,
    sent: Option<(ReqId, Duration)>,
    fetching: Option<(ReqId, Duration)>,
    /// What somebody else made of it meanwhile.
    theirs: Option<Revision>,
    stage: Stage,
    save_at: Option<Duration>,
    changed: bool,
    restored: bool,
    fate: Fate,
    trouble: Option<Trouble>,
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
enum Fate {
    /// It is being written.
    Open,
    /// What it changes is no longer there: nor is the use of a draft.
    Homeless,
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
            fate: Fate::Open,
            trouble: None,
        };
        if let Some(revision) = revision {
            compose.fill(&revision);
            compose.source = Some(revision);
        }
        compose
    }

    fn text(&self) -> Revision {
        Revision {
            title: self.form.text("title"),
            body: self.form.text("description"),
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
        self.form.absolve();
        self.trouble = None;
        let typed = self.text();
        // The limit is one of what is sent, and the counter leaves the space around a title out.
        let text = Revision { title: typed.title.trim().to_owned(), ..typed };
        if let Err(errors) = self.target.check(&text) {
            self.form.blame_errors(&errors);
            return;
        }
        self.save(core);
        self.attempted.push(text.clone());
        self.sent = Some((core.call(None, self.target.call(text, self.key)), core.now.run));
    }

    fn sent(&mut self, core: &mut Core, answer: Result<Outcome, Trouble>) -> Go {
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

    fn refused(&mut self, core: &mut Core, trouble: &Trouble) {
        match trouble.kind {
            Kind::Stale => {
                self.stage = Stage::Refused;
                self.fetch(core);
            }
            Kind::KeyReused => {
                self.key = core.fresh_key;
                self.trouble = Some(Trouble::said(
                    "An earlier version of this text has been posted already. Go back and edit that one, or \
                     send again to post this one too.",
                ));
            }
            Kind::Gone if self.target.is_edit() => self.lose_target(),
            Kind::Gone => {
                self.trouble = Some(Trouble::said("This is no longer there. Your text is kept as a draft."));
            }
            _ => {
                self.form.blame_for(trouble);
                self.trouble = Some(trouble.clone());
            }
        }
    }

    /// What is being changed has been deleted.
    fn lose_target(&mut self) {
        self.fate = Fate::Homeless;
        self.trouble = Some(Trouble::said(if self.changed {
            "This is no longer there, and your change of it goes when you leave. Ctrl-E opens it in your editor."
        } else {
            "This is no longer there."
        }));
    }

    /// There is nothing left to do here.
    fn finish(&mut self, core: &mut Core) {
        self.fate = Fate::Finished;
        core.toasts.forget(About::Draft);
        core.outbox.extend(self.draft_id().map(Cmd::DropDraft));
    }

    /// Stops sending; the text is still here.
    fn stop_sending(&mut self, core: &mut Core, req: ReqId) {
        core.abort(req);
        self.sent = None;
        self.trouble =
            Some(Trouble::said("Stopped. It may have arrived; sending it again will not post it twice."));
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
            ActionInfo::new(Action::Editor, "own editor").when(open),
            ActionInfo::new(Action::Discard, "throw away").when(open),
            ActionInfo::quiet(Action::Next, "next field"),
            ActionInfo::quiet(Action::Previous, "field before"),
            ActionInfo::quiet(Action::Undo, "undo").when(open),
            ActionInfo::quiet(Action::Reload, "load again").when(!open && self.fetching.is_none()),
            ActionInfo::quiet(Action::Exit, "quit, keep draft"),
        ]
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Go {
        match (action, self.sent) {
            (Action::Back, Some((req, _))) => self.stop_sending(core, req),
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
            (Action::Mine, _) => self.keep_mine(core),
            (Action::Theirs, _) => self.take_theirs(core),
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
        core.toasts.forget(About::Draft);
        if self.fate == Fate::Homeless {
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

    fn done(&mut self, core: &mut Core, req: ReqId, answer: Result<Outcome, Trouble>) -> Go {
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
        if self.target.goes_with(change) && self.fate == Fate::Open {
            self.lose_target();
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
        let loading = (!self.is_open() && self.fetching.is_some()).then_some("Loading the text …");
        let sending = self.sent.map(|_| "Sending …");
        let trouble = self.trouble.as_ref().map(|trouble| (trouble.text.as_str(), theme.bad));
        let notes =
            [about.as_deref(), loading, sending].into_iter().flatten().map(|note| (note, theme.muted));
        let rest = paragraphs(canvas, area, notes.chain(trouble));
        if self.is_open() || self.sent.is_some() {
            form_view(&self.form, canvas, rest);
        }
    }
}
