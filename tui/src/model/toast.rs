//! Toasts: messages that expire.

use std::time::Duration;

use crate::clean::Clean;

/// The tone of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tone {
    /// Something worked.
    Good,
    /// Something did not.
    Bad,
    /// Something is worth knowing.
    Plain,
}

/// What a message is about, where only the latest word about it is worth reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ToastTopic {
    /// Whether the server answers.
    Connection,
    /// The draft of the text on the screen.
    Draft,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Toast {
    /// What it says.
    pub(crate) text: Clean,
    /// How.
    pub(crate) tone: Tone,
    /// When it goes away.
    pub(crate) until: Duration,
    about: Option<ToastTopic>,
}

/// The messages shown now, the newest last.
#[derive(Default, Debug)]
pub(crate) struct Toasts(Vec<Toast>);

/// More would hide the screen.
const MAX_TOASTS: usize = 3;

impl Toasts {
    /// Shows a message: four seconds, and longer the longer it is (15 characters a second is slow reading).
    pub(crate) fn push(&mut self, now: Duration, tone: Tone, text: Clean, about: Option<ToastTopic>) {
        self.0.retain(|toast| toast.text != text);
        if let Some(about) = about {
            self.forget(about);
        }
        let reading = Duration::from_millis(text.as_str().chars().count() as u64 * 66);
        self.0.push(Toast { until: now + Duration::from_secs(4) + reading, text, tone, about });
        if self.0.len() > MAX_TOASTS {
            self.0.remove(0);
        }
    }

    /// Takes away what is not true any more.
    pub(crate) fn forget(&mut self, about: ToastTopic) {
        self.0.retain(|toast| toast.about != Some(about));
    }

    /// Takes away what has been shown long enough.
    pub(crate) fn expire(&mut self, now: Duration) {
        self.0.retain(|toast| toast.until > now);
    }

    /// When the next one goes away.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.iter().map(|toast| toast.until).min()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Toast> {
        self.0.iter()
    }
}
