//! Messages to the model.

use crossterm::event::KeyEvent;
use ratatui::layout::Size;

use crate::{
    api::{Failure, Listing, Versioned},
    clean::Clean,
    drafts::{Draft, DraftId},
    input::Pointer,
    model::{ReqId, Warning},
    term::Edited,
};
use ro_co_shared::{Answer, Question, User};

/// Something that happened. Times and random keys are in the model already when it arrives.
pub(crate) enum Msg {
    /// A key was pressed (never: released).
    Key(KeyEvent),
    /// Text was pasted, in one piece.
    Paste(String),
    /// The mouse asked for something.
    Pointer(Pointer),
    /// The terminal has a new size.
    Resize(Size),
    /// A request has its answer.
    Done {
        /// The request.
        req: ReqId,
        /// What it came to.
        answer: Result<Outcome, Failure>,
        /// Whether a server said anything meanwhile: some answers need none.
        heard: bool,
    },
    /// Something the model waits for is due.
    Tick,
    /// A draft was looked for.
    Draft {
        /// Whose and of what.
        id: DraftId,
        /// What was found.
        draft: Option<Draft>,
    },
    /// The user's editor has closed.
    Edited(Edited),
    /// A standing warning, such as a keyring that cannot be used; none when there is nothing to warn of.
    Warning(Option<Warning>),
    /// The local server has another address now.
    Moved(Clean),
    /// Something outside the conversation with the server went wrong.
    Error(Clean),
    /// A picture has arrived; the model does not hold it, but the screen shows it.
    Picture,
    /// The operating system wants the program to end.
    Stop,
}

/// What a request that succeeded brought.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A user: signed up or in, renamed.
    User(User),
    /// The user of a session kept from last time, if there is one.
    Resumed(Option<User>),
    /// Whether a name is free.
    NameFree(bool),
    /// A page of questions.
    Questions(Listing<Question>),
    /// One question.
    Question(Versioned<Question>),
    /// A page of answers.
    Answers(Listing<Answer>),
    /// One answer.
    Answer(Versioned<Answer>),
    /// It is done; there is nothing to show for it.
    Done,
}

impl Outcome {
    /// The page of questions, if that is what came.
    pub(crate) fn questions(self) -> Option<Listing<Question>> {
        match self {
            Self::Questions(page) => Some(page),
            _ => None,
        }
    }

    /// The page of answers, if that is what came.
    pub(crate) fn answers(self) -> Option<Listing<Answer>> {
        match self {
            Self::Answers(page) => Some(page),
            _ => None,
        }
    }
}
