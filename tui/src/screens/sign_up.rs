//! The sign-up form: every rule is checked while typing, by the very code the server checks with.

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use ro_co_shared::{Email, Form as _, NewPassword, SignUp as SignUpForm, Strength, Username};
use secrecy::SecretString;

use super::Page;
use crate::{
    clean::Clean,
    input::{Action, ActionInfo, Context, Hit},
    model::{
        Core, ErrorKind, ReqId, Tone, UiError,
        cmd::{Request, Slot},
    },
    msg::Outcome,
    nav::{Go, Route},
    texts::{sign_in, sign_up as texts},
    widgets::{Button, Canvas, Field, Form, Submission, form_view, paragraphs},
};

/// The server is asked about a name once typing has paused this long.
const PAUSE: Duration = Duration::from_millis(250);

/// The minimum height at which the note is always shown.
const ROOMY: u16 = 14;

/// The sign-up form.
pub(crate) struct SignUp {
    submission: Submission,
    check_at: Option<Duration>,
    checking: Option<ReqId>,
    /// Whether the account is there and what is in flight is the sign-in.
    created: bool,
    /// Whether the trouble is what is wrong here and not what the server said.
    incomplete: bool,
}

impl SignUp {
    /// An empty form, or one that knows the address already.
    pub(crate) fn new(email: &str) -> Self {
        let fields = vec![
            Field::line("username", texts::NAME).hint(texts::NAME_HINT),
            Field::line("email", sign_in::EMAIL).hint(texts::EMAIL_HINT),
            Field::secret("password", sign_in::PASSWORD).hint(texts::PASSWORD_HINT),
        ];
        let buttons = vec![
            Button { label: texts::CREATE_ACCOUNT, action: Action::Submit },
            Button { label: texts::SIGN_IN_INSTEAD, action: Action::SignIn },
        ];
        let mut form = Form::new(fields, buttons);
        if let Some(field) = form.field_mut("email") {
            field.paste(email);
        }
        let submission = Submission::new(form);
        Self { submission, check_at: None, checking: None, created: false, incomplete: false }
    }

    fn form(&self) -> &Form {
        &self.submission.form
    }

    /// After each change: the rules of the field, and what hangs on it.
    fn typed(&mut self, core: &mut Core) {
        let Some(name) = self.submission.form.focused().map(|field| field.name) else { return };
        if name == "username" {
            self.plan_name_check(core);
        }
        self.rate_password();
        if self.incomplete {
            self.list_wrong();
        }
    }

    /// The answer to an older name no longer matters.
    fn plan_name_check(&mut self, core: &mut Core) {
        if let Some(req) = self.checking.take() {
            core.abort(req);
        }
        let text = self.form().text("username");
        let verdict = text.parse::<Username>();
        self.check_at = verdict.is_ok().then_some(core.now.run + PAUSE);
        self.remark(
            "username",
            match verdict {
                Ok(_) => Some((Tone::Plain, texts::NAME_PENDING.to_owned())),
                Err(_) if text.is_empty() => None,
                Err(why) => Some((Tone::Bad, format!("✘ Name {why}"))),
            },
        );
    }

    /// Once for each change: rating a password is work.
    fn rate_password(&mut self) {
        let password = self.form().text("password");
        let (name, email) = (self.form().text("username"), self.form().text("email"));
        let rating = (!password.is_empty()).then(|| rate(&password, &[name.as_str(), email.as_str()]));
        self.remark("password", rating);
    }

    /// What the address lacks is said when its field is left: while it is typed it always lacks something.
    fn moved(&mut self, from: usize) {
        let focus = self.form().focus;
        if let Some(field) = self.submission.form.fields.get_mut(from).filter(|_| from != focus)
            && field.name == "email"
            && let text = field.text()
            && !text.is_empty()
            && let Err(why) = text.trim().parse::<Email>()
        {
            field.problem = Some(Clean::line(&why.to_string()));
        }
    }

    /// Names the fields that are wrong, as long as there are any.
    fn list_wrong(&mut self) {
        let wrong = self.form().fields.iter().filter(|field| field.problem.is_some());
        let labels: Vec<_> = wrong.map(|field| field.label).collect();
        self.submission.trouble =
            (!labels.is_empty()).then(|| UiError::refused(&texts::please_correct(&labels)));
        self.incomplete = self.submission.trouble.is_some();
    }

    fn remark(&mut self, name: &str, remark: Option<(Tone, String)>) {
        if let Some(field) = self.submission.form.field_mut(name) {
            field.remark = remark.map(|(tone, text)| (tone, Clean::line(&text)));
        }
    }

    fn submit(&mut self, core: &mut Core) {
        if !self.submission.begin(&[]) {
            return;
        }
        self.incomplete = false;
        let [username, email, password] =
            ["username", "email", "password"].map(|name| self.form().text(name));
        let request = SignUpForm {
            username: username.as_str().into(),
            email: email.trim().into(),
            password: password.as_str().into(),
        };
        if let Err(errors) = request.check() {
            self.submission.form.set_field_errors(&errors);
            self.list_wrong();
            return;
        }
        let call = Request::SignUp {
            username,
            email: email.trim().to_owned(),
            password: SecretString::from(password),
        };
        self.submission.send(core, call);
    }

    fn name_checked(&mut self, core: &Core, answer: Result<Outcome, UiError>) {
        self.checking = None;
        let remark = match answer {
            Ok(Outcome::NameFree(true)) => (Tone::Good, texts::NAME_FREE.to_owned()),
            Ok(Outcome::NameFree(false)) => (Tone::Bad, texts::NAME_TAKEN.to_owned()),
            Ok(_) => return,
            // Asked again when the server allows it, unless another name is typed meanwhile.
            Err(UiError { kind: ErrorKind::Busy(wait), .. }) => {
                self.check_at = Some(core.now.run + wait);
                (Tone::Plain, texts::NAME_PENDING.to_owned())
            }
            Err(trouble) if trouble.passes() => (Tone::Plain, texts::NAME_UNKNOWN.to_owned()),
            Err(trouble) => (Tone::Bad, format!("✘ {}", trouble.text.as_str())),
        };
        self.remark("username", Some(remark));
    }

    fn log_in(&mut self, core: &mut Core) {
        let call = Request::LogIn {
            email: self.form().text("email").trim().to_owned(),
            password: SecretString::from(self.form().text("password")),
        };
        self.created = true;
        self.submission.send(core, call);
    }
}

/// How strong a password is, by the rule it will be checked by.
fn rate(password: &str, context: &[&str]) -> (Tone, String) {
    let checked = password.parse::<NewPassword>();
    let text = checked.as_ref().map_or(password, NewPassword::expose);
    let strength = Strength::of(text, context);
    let filled = usize::from(strength.score.min(4));
    let meter = format!("{}{}", "▰".repeat(filled), "▱".repeat(4 - filled));
    match checked {
        Err(why) => (Tone::Bad, format!("{meter} {why}")),
        Ok(_) if strength.score >= NewPassword::SCORE => (Tone::Good, format!("{meter} strong enough")),
        Ok(_) => {
            let hint = strength.hint.as_deref().unwrap_or(texts::LONGER_PASSWORD);
            (Tone::Bad, format!("{meter} is too easy to guess. {hint}"))
        }
    }
}

impl Page for SignUp {
    fn title(&self, _: &Core) -> String {
        texts::TITLE.into()
    }

    fn context(&self) -> Context {
        Context::Form
    }

    fn actions(&self, _: &Core) -> Vec<ActionInfo> {
        vec![
            ActionInfo::new(Action::Submit, "create account").when(!self.submission.is_sent()),
            ActionInfo::new(Action::Back, "back"),
            ActionInfo::new(Action::Reveal, "show password"),
            ActionInfo::quiet(Action::Next, "next field"),
            ActionInfo::quiet(Action::Previous, "field before"),
            ActionInfo::quiet(Action::SignIn, "sign in instead"),
            ActionInfo::quiet(Action::Exit, "quit"),
        ]
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Go {
        let from = self.form().focus;
        let then = self.submission.act(action);
        self.moved(from);
        match then {
            Some(Action::Submit) => self.submit(core),
            Some(Action::Back | Action::SignIn) => return Go::Back,
            _ => {}
        }
        Go::Stay
    }

    fn leaving(&mut self, core: &mut Core) {
        self.submission.abort(core);
        if let Some(req) = self.checking.take() {
            core.abort(req);
        }
    }

    fn key(&mut self, core: &mut Core, key: KeyEvent) {
        if self.submission.key(key) {
            self.typed(core);
        }
    }

    fn paste(&mut self, core: &mut Core, text: &str) {
        self.submission.paste(text);
        self.typed(core);
    }

    fn click(&mut self, _: &mut Core, hit: Hit) -> Go {
        let from = self.form().focus;
        self.submission.click(hit);
        self.moved(from);
        Go::Stay
    }

    fn awaits(&self, req: ReqId) -> bool {
        self.checking == Some(req) || self.submission.awaits(req)
    }

    fn done(&mut self, core: &mut Core, req: ReqId, answer: Result<Outcome, UiError>) -> Go {
        if self.checking == Some(req) {
            self.name_checked(core, answer);
            return Go::Stay;
        }
        self.submission.answered();
        match (std::mem::take(&mut self.created), answer) {
            (false, Ok(_)) => self.log_in(core),
            (true, Ok(Outcome::User(user))) => {
                core.me = Some(user.into());
                core.toast(Tone::Good, texts::WELCOME);
                return Go::Home(Route::List);
            }
            (true, Err(trouble)) => {
                core.toast(Tone::Good, texts::CREATED);
                let email = self.form().text("email");
                return Go::Home(Route::SignIn { email, trouble: Some(trouble) });
            }
            (false, Err(trouble)) => {
                self.submission.refused(trouble);
                self.incomplete = false;
            }
            (true, Ok(_)) => {}
        }
        Go::Stay
    }

    fn wake(&self, _: &Core) -> Option<Duration> {
        self.check_at
    }

    fn due(&mut self, core: &mut Core) {
        if self.check_at.is_some_and(|at| at <= core.now.run) {
            self.check_at = None;
            self.remark("username", Some((Tone::Plain, texts::NAME_CHECKING.to_owned())));
            let call = Request::NameFree(self.form().text("username"));
            self.checking = Some(core.call(Some(Slot::Name), call));
        }
    }

    fn retry(&mut self, _: &mut Core) {
        self.submission.retry();
    }

    fn waiting(&self) -> Option<Duration> {
        self.submission.since()
    }

    fn view(&self, core: &Core, canvas: &mut Canvas, area: Rect) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let complaint = self.submission.complaint(canvas);
        // On a small screen it makes room for what is wrong; it was seen before.
        let room = complaint.is_none() || area.height >= ROOMY;
        let note =
            (core.server.sends_usernames && room).then_some((texts::SENDS_USERNAMES, canvas.theme.muted));
        let rest = paragraphs(canvas, area, complaint.into_iter().chain(note));
        form_view(self.form(), canvas, rest);
    }
}
