//! Where screens and overlays lead. Destinations are data, so that no screen has to know another one.

use ro_co_shared::{AnswerId, QuestionId};

use crate::{
    clean::Clean,
    input::Action,
    model::{Answer, Person, Question, Revision, UiError},
};

/// Where a screen or an overlay leads.
pub(crate) enum Go {
    /// Nowhere.
    Stay,
    /// To another screen, with a way back.
    To(Route),
    /// To another screen in the place of all.
    Home(Route),
    /// To the screen before, or out of the program from the first one.
    Back,
    /// To a dialog over this screen.
    Over(Box<Dialog>),
    /// Away from what lies over the screen.
    CloseOverlay,
    /// Away from what lies over the screen, which then acts.
    Pass(Action),
    /// Signed in again: what waited goes on.
    ResumeParked,
    /// Not signed in again: what waited fails.
    CancelParked,
}

impl Go {
    /// To a dialog over this screen.
    pub(crate) fn over(dialog: Dialog) -> Self {
        Self::Over(Box::new(dialog))
    }

    /// To the page on which a text is written.
    pub(crate) fn compose(target: Target) -> Self {
        Self::edit(target, None)
    }

    /// To the page on which a text is changed, of which this has been read already.
    pub(crate) fn edit(target: Target, revision: Option<Revision>) -> Self {
        Self::To(Route::Compose { target, revision: revision.map(Box::new) })
    }
}

/// A screen, named by what it is made from.
pub(crate) enum Route {
    /// The sign-in form.
    SignIn {
        /// What its first field holds already.
        email: String,
        /// Why signing in did not work elsewhere.
        trouble: Option<UiError>,
    },
    /// The sign-up form.
    SignUp {
        /// What its email field holds already.
        email: String,
    },
    /// The questions.
    List,
    /// One question with its answers.
    Detail(Box<Question>),
    /// Writing something.
    Compose {
        /// What is written.
        target: Target,
        /// The text to be changed, if it has been read already.
        revision: Option<Box<Revision>>,
    },
    /// The user's own page.
    Profile,
}

impl Route {
    /// The sign-in form with this in its first field.
    pub(crate) fn sign_in(email: &str) -> Self {
        Self::SignIn { email: email.to_owned(), trouble: None }
    }
}

/// A dialog, named by what it is about.
pub(crate) enum Dialog {
    /// Whether to delete a question.
    DeleteQuestion(Question),
    /// Whether to delete an answer.
    DeleteAnswer(Answer),
    /// Whether to discard the text being written, by the heading of its page.
    Discard(&'static str),
    /// Which of two texts to keep; these are the title and the text of the server.
    Conflict {
        /// The title on the server; empty for an answer.
        title: Clean,
        /// The text on the server.
        body: Clean,
    },
    /// A person.
    Who(Person),
}

/// What is being written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// A new question.
    Ask,
    /// A new answer to a question.
    Answer {
        /// The question.
        question: QuestionId,
        /// Its title, to be seen while writing.
        title: Clean,
    },
    /// Another text for a question.
    EditQuestion(QuestionId),
    /// Another text for an answer.
    EditAnswer(AnswerId),
}
