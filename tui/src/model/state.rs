//! What all screens share.

use std::{collections::HashMap, time::Duration};

use ratatui::layout::Size;
use ro_co_shared as wire;
use ro_co_shared::{AnswerId, QuestionId, UserId};
use uuid::Uuid;

use super::{
    Answer, Me, Moment, Person, Question, ReqId, Revision, ToastTopic, Toasts, Tone, UiError,
    cmd::{Cmd, Request, Slot},
    ui_error::ErrorKind,
};
use crate::{api::Versioned, clean::Clean, input::KeyMap, theme::Theme};

/// The server this client is connected to.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Its address, as shown.
    pub(crate) address: Clean,
    /// Whether names may leave it for a picture service.
    pub(crate) sends_usernames: bool,
}

/// Something that stays wrong for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Warning {
    /// For the status bar.
    pub(crate) brief: Clean,
    /// All there is to say, with what can be done about it: said once, and on the user's own page.
    pub(crate) full: Option<Clean>,
}

/// Whether the server answered when it was last asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Connection {
    /// Not known yet.
    #[default]
    Unknown,
    /// It answered.
    Online,
    /// It could not be reached.
    Offline,
}

/// Something that is different on the server now; every screen that shows it follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// A new question.
    Asked(Question),
    /// A question was read, or has another text or mark.
    Question {
        /// As it is shown.
        question: Question,
        /// As it is edited.
        revision: Box<Revision>,
    },
    /// A question is gone.
    QuestionGone(QuestionId),
    /// A new answer.
    Answered(Answer),
    /// An answer has another text.
    Answer(Answer),
    /// An answer is gone.
    AnswerGone(AnswerId, QuestionId),
    /// The user has another name or picture.
    Me(Me),
}

impl Change {
    /// A question as it came.
    pub(crate) fn question(came: Versioned<wire::Question>) -> Self {
        Self::Question { question: came.value.clone().into(), revision: Box::new(came.into()) }
    }
}

/// What all screens share.
pub(crate) struct Core {
    /// The moment of what is being handled.
    pub(crate) now: Moment,
    /// A random idempotency key, new for each message.
    pub(crate) fresh_key: Uuid,
    /// The server.
    pub(crate) server: Server,
    /// The user, once signed in.
    pub(crate) me: Option<Me>,
    /// The terminal's size.
    pub(crate) size: Size,
    /// The key map.
    pub(crate) keys: KeyMap,
    /// The colours.
    pub(crate) theme: Theme,
    /// The messages.
    pub(crate) toasts: Toasts,
    /// Whether the server answers.
    pub(crate) connection: Connection,
    /// A standing warning, such as a keyring that cannot be used.
    pub(crate) warning: Option<Warning>,
    /// The directory of the log, if there is one.
    pub(crate) log_dir: Option<Clean>,
    /// When to try again what failed because the server was away.
    pub(crate) retry_at: Option<Duration>,
    /// Until when the server has asked to wait with what the user tried to do.
    pub(crate) hold: Option<Duration>,
    retries: u32,
    last_req: u64,
    /// Requests in flight.
    pub(crate) in_flight: HashMap<ReqId, Request>,
    /// Requests that wait for the user to sign in again.
    pub(crate) parked: Vec<(ReqId, Request)>,
    /// What is to be done outside.
    pub(crate) outbox: Vec<Cmd>,
    /// What screens have yet to hear of.
    pub(crate) changes: Vec<Change>,
}

impl Core {
    /// The state a client starts with.
    pub(crate) fn new(server: Server, theme: Theme, size: Size) -> Self {
        Self {
            now: Moment::default(),
            fresh_key: Uuid::nil(),
            server,
            me: None,
            size,
            keys: KeyMap::default(),
            theme,
            toasts: Toasts::default(),
            connection: Connection::Unknown,
            warning: None,
            log_dir: None,
            retry_at: None,
            hold: None,
            retries: 0,
            last_req: 0,
            in_flight: HashMap::new(),
            parked: Vec::new(),
            outbox: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Sends a request and says under which id its answer will come.
    pub(crate) fn call(&mut self, slot: Option<Slot>, call: Request) -> ReqId {
        self.last_req += 1;
        let req = ReqId(self.last_req);
        self.resend(req, slot, call);
        req
    }

    /// Sends a request again under its old id.
    pub(crate) fn resend(&mut self, req: ReqId, slot: Option<Slot>, call: Request) {
        self.in_flight.insert(req, call.clone());
        self.outbox.push(Cmd::Request { req, slot, call });
    }

    /// Ends a request.
    pub(crate) fn abort(&mut self, req: ReqId) {
        if self.in_flight.remove(&req).is_some() {
            self.outbox.push(Cmd::Abort(req));
        }
        self.parked.retain(|(parked, _)| *parked != req);
    }

    /// Shows a message for a while.
    pub(crate) fn toast(&mut self, tone: Tone, text: impl AsRef<str>) {
        self.toasts.push(self.now.run, tone, Clean::line(text.as_ref()), None);
    }

    /// Shows a message for a while, in the place of an older one about the same.
    pub(crate) fn toast_about(&mut self, about: ToastTopic, tone: Tone, text: &'static str) {
        self.toasts.push(self.now.run, tone, text.into(), Some(about));
    }

    /// Shows why something did not work.
    pub(crate) fn toast_error(&mut self, trouble: &UiError) {
        let about = (trouble.kind == ErrorKind::Offline).then_some(ToastTopic::Connection);
        self.toasts.push(self.now.run, Tone::Bad, trouble.text.clone(), about);
    }

    /// A read failed: plans another attempt, later each time, if waiting may help.
    pub(crate) fn plan_retry(&mut self, trouble: &UiError) {
        let wait = match trouble.kind {
            ErrorKind::Busy(wait) => wait.max(Duration::from_secs(1)),
            ErrorKind::Offline => Duration::from_secs(1 << self.retries.min(5)),
            _ => return,
        };
        self.retries += 1;
        self.retry_at = Some(self.now.run + wait);
    }

    /// The user's id.
    pub(crate) fn my_id(&self) -> Option<UserId> {
        self.me.as_ref().map(|me| me.person.id)
    }

    /// Whether the user may change what this person wrote.
    pub(crate) fn may_change(&self, author: &Person) -> bool {
        self.me.as_ref().is_some_and(|me| me.may_change(author))
    }

    /// Notes that the server answered.
    pub(crate) fn online(&mut self) {
        self.connection = Connection::Online;
        self.retries = 0;
        self.retry_at = None;
    }
}
