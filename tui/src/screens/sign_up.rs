//! The sign-up form: every rule is checked while typing, by the very code the server checks with.

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use ro_co_shared::{Email, Form as _, NewPassword, SignUp as Request, Strength, Username};
use secrecy::SecretString;

use super::{Go, Page, Screen, SignIn};
use crate::{
    clean::Clean,
    cmd::{Call, Slot},
    input::{Action, ActionInfo, Context, Hit},
    model::{Core, Kind, ReqId, Tone, Trouble},
    msg::Outcome,
    widgets::{Button, Canvas, Field, Form, form_view, paragraph},
};

/// The server is asked about a name once typing has paused this long.
const PAUSE: Duration = Duration::from_millis(250);

/// Said before anybody types a name, for it may leave the server.
const NAMES_LEAVE: &str =
    "This server may send your name to the picture service DiceBear, which draws your avatar.";

/// Rows that leave room for everything.
const ROOMY: u16 = 14;

/// What is being waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sent {
    SignUp(ReqId, Duration),
    /// The account is there; signing in to it.
    LogIn(ReqId, Duration),
}

/// The sign-up form.
pub(crate) struct SignUp {
    form: Form,
    check_at: Option<Duration>,
    checking: Option<ReqId>,
    sent: Option<Sent>,
    trouble: Option<Trouble>,
    /// Whether the trouble is what is wrong here and not what the server said.
    incomplete: bool,
}

impl SignUp {
    /// An empty form, or one that knows the address already.
    pub(crate) fn new(email: &str) -> Self {
        let fields = vec![
            Field::line("username", "Name").hint("as others will see it"),
            Field::line("email", "E-mail").hint("name@example.org, shown to nobody"),
            Field::secret("password", "Password").hint("10 characters or more"),
        ];
        let buttons = vec![
            Button { label: "Create account", action: Action::Submit },
            Button { label: "Sign in instead", action: Action::SignIn },
        ];
        let mut form = Form::new(fields, buttons);
        if let Some(field) = form.field_mut("email") {
            field.paste(email);
        }
        Self { form, check_at: None, checking: None, sent: None, trouble: None, incomplete: false }
    }

    /// After each change: the rules of the field, and what hangs on it.
    fn typed(&mut self, core: &mut Core) {
        let Some(name) = self.form.focused().map(|field| field.name) else { return };
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
        let text = self.form.text("username");
        let verdict = text.parse::<Username>();
        self.check_at = verdict.is_ok().then_some(core.now.run + PAUSE);
        self.remark(
            "username",
            match verdict {
                Ok(_) => Some((Tone::Plain, "…".to_owned())),
                Err(_) if text.is_empty() => None,
                Err(why) => Some((Tone::Bad, format!("✘ Name {why}"))),
            },
        );
    }

    /// Once for each change: rating a password is work.
    fn rate_password(&mut self) {
        let password = self.form.text("password");
        let (name, email) = (self.form.text("username"), self.form.text("email"));
        let rating = (!password.is_empty()).then(|| rate(&password, &[name.as_str(), email.as_str()]));
        self.remark("password", rating);
    }

    /// What the address lacks is said when its field is left: while it is typed it always lacks something.
    fn moved(&mut self, from: usize) {
        if let Some(field) = self.form.fields.get_mut(from).filter(|_| from != self.form.focus)
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
        let wrong = self.form.fields.iter().filter(|field| field.problem.is_some());
        let labels: Vec<_> = wrong.map(|field| field.label).collect();
        self.trouble = (!labels.is_empty())
            .then(|| Trouble::said(&format!("Not yet. Please look at: {}.", labels.join(", "))));
        self.incomplete = self.trouble.is_some();
    }

    fn remark(&mut self, name: &str, remark: Option<(Tone, String)>) {
        if let Some(field) = self.form.field_mut(name) {
            field.remark = remark.map(|(tone, text)| (tone, Clean::line(&text)));
        }
    }

    fn submit(&mut self, core: &mut Core) {
        if self.sent.is_some() {
            return;
        }
        self.form.absolve();
        (self.trouble, self.incomplete) = (None, false);
        let [username, email, password] = ["username", "email", "password"].map(|name| self.form.text(name));
        let request = Request {
            username: username.as_str().into(),
            email: email.trim().into(),
            password: password.as_str().into(),
        };
        if let Err(errors) = request.check() {
            self.form.blame_errors(&errors);
            self.list_wrong();
            return;
        }
        let call =
            Call::SignUp { username, email: email.trim().to_owned(), password: SecretString::from(password) };
        self.sent = Some(Sent::SignUp(core.call(None, call), core.now.run));
    }

    fn name_checked(&mut self, core: &Core, answer: Result<Outcome, Trouble>) {
        self.checking = None;
        let remark = match answer {
            Ok(Outcome::NameFree(true)) => (Tone::Good, "✔ free".to_owned()),
            Ok(Outcome::NameFree(false)) => (Tone::Bad, "✘ taken by somebody else".to_owned()),
            Ok(_) => return,
            // Asked again when the server allows it, unless another name is typed meanwhile.
            Err(Trouble { kind: Kind::Busy(wait), .. }) => {
                self.check_at = Some(core.now.run + wait);
                (Tone::Plain, "…".to_owned())
            }
            Err(trouble) if trouble.passes() => (Tone::Plain, "? cannot be checked now".to_owned()),
            Err(trouble) => (Tone::Bad, format!("✘ {}", trouble.text.as_str())),
        };
        self.remark("username", Some(remark));
    }

    fn log_in(&mut self, core: &mut Core) {
        let call = Call::LogIn {
            email: self.form.text("email").trim().to_owned(),
            password: SecretString::from(self.form.text("password")),
        };
        self.sent = Some(Sent::LogIn(core.call(None, call), core.now.run));
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
            let hint = strength.hint.as_deref().unwrap_or("Add another word or two.");
            (Tone::Bad, format!("{meter} is too easy to guess. {hint}"))
        }
    }
}

impl Page for SignUp {
    fn title(&self, _: &Core) -> String {
        "New account".into()
    }

    fn context(&self) -> Context {
        Context::Form
    }

    fn actions(&self, _: &Core) -> Vec<ActionInfo> {
        vec![
            ActionInfo::new(Action::Submit, "create account").when(self.sent.is_none()),
            ActionInfo::new(Action::Back, "back"),
            ActionInfo::new(Action::Reveal, "show password"),
            ActionInfo::quiet(Action::Next, "next field"),
            ActionInfo::quiet(Action::Previous, "field before"),
            ActionInfo::quiet(Action::SignIn, "sign in instead"),
            ActionInfo::quiet(Action::Exit, "quit"),
        ]
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Go {
        let from = self.form.focus;
        if self.form.act(action) {
            self.moved(from);
            return Go::Stay;
        }
        match action {
            Action::Accept => {
                let then = self.form.accept();
                self.moved(from);
                if let Some(action) = then {
                    return self.act(core, action);
                }
            }
            Action::Submit => self.submit(core),
            Action::Back | Action::SignIn => return Go::Back,
            Action::Editor => self.form.focused().into_iter().for_each(Field::to_end),
            _ => {}
        }
        Go::Stay
    }

    fn leaving(&mut self, core: &mut Core) {
        let sent = self.sent.take().map(|(Sent::SignUp(req, _) | Sent::LogIn(req, _))| req);
        for req in sent.into_iter().chain(self.checking.take()) {
            core.abort(req);
        }
    }

    fn key(&mut self, core: &mut Core, key: KeyEvent) {
        if self.form.key(key) {
            self.typed(core);
        }
    }

    fn paste(&mut self, core: &mut Core, text: &str) {
        self.form.paste(text);
        self.typed(core);
    }

    fn click(&mut self, _: &mut Core, hit: Hit) -> Go {
        let from = self.form.focus;
        self.form.click(hit);
        self.moved(from);
        Go::Stay
    }

    fn awaits(&self, req: ReqId) -> bool {
        self.checking == Some(req)
            || matches!(self.sent, Some(Sent::SignUp(sent, _) | Sent::LogIn(sent, _)) if sent == req)
    }

    fn done(&mut self, core: &mut Core, req: ReqId, answer: Result<Outcome, Trouble>) -> Go {
        if self.checking == Some(req) {
            self.name_checked(core, answer);
            return Go::Stay;
        }
        match (self.sent.take(), answer) {
            (Some(Sent::SignUp(..)), Ok(_)) => self.log_in(core),
            (Some(Sent::LogIn(..)), Ok(Outcome::User(user))) => {
                core.me = Some(user.into());
                core.toast(Tone::Good, "Welcome to Ro-Co.");
                return Go::home(Screen::List(Box::default()));
            }
            (Some(Sent::LogIn(..)), Err(trouble)) => {
                core.toast(Tone::Good, "Your account is there; now sign in.");
                let sign_in = SignIn::after(&self.form.text("email"), trouble);
                return Go::home(Screen::SignIn(Box::new(sign_in)));
            }
            (_, Err(trouble)) => {
                self.form.blame_for(&trouble);
                (self.trouble, self.incomplete) = (Some(trouble), false);
            }
            _ => {}
        }
        Go::Stay
    }

    fn wake(&self, _: &Core) -> Option<Duration> {
        self.check_at
    }

    fn due(&mut self, core: &mut Core) {
        if self.check_at.is_some_and(|at| at <= core.now.run) {
            self.check_at = None;
            self.remark("username", Some((Tone::Plain, "… checking".to_owned())));
            let call = Call::NameFree(self.form.text("username"));
            self.checking = Some(core.call(Some(Slot::Name), call));
        }
    }

    fn retry(&mut self, _: &mut Core) {
        self.trouble.take_if(|trouble| trouble.passes());
    }

    fn waiting(&self) -> Option<Duration> {
        self.sent.map(|(Sent::SignUp(_, since) | Sent::LogIn(_, since))| since)
    }

    fn view(&self, core: &Core, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let mut rest = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        // On a small screen it makes room for what is wrong; it was seen before.
        let room = self.trouble.is_none() || area.height >= ROOMY;
        let note = (core.server.names_leave && room).then_some((NAMES_LEAVE, theme.muted));
        let trouble = self.trouble.as_ref().map(|trouble| (trouble.text.as_str(), theme.bad));
        for (text, style) in trouble.into_iter().chain(note) {
            let taken = paragraph(canvas, rest, text, style);
            rest = Rect { y: rest.y + taken, height: rest.height.saturating_sub(taken), ..rest };
        }
        form_view(&self.form, canvas, rest);
    }
}
