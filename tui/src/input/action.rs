//! Actions, to which keys, footer, help and mouse buttons refer.

/// One thing a user can ask for; what it does depends on the screen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Action {
    /// One row or line up.
    Up,
    /// One row or line down.
    Down,
    /// One screenful up.
    PageUp,
    /// One screenful down.
    PageDown,
    /// To the very beginning.
    Top,
    /// To the very end.
    Bottom,
    /// Opens what is selected.
    Open,
    /// Back to where the user came from.
    Back,
    /// Leaves the program from the first screen, goes back on any other.
    Quit,
    /// Leaves the program at once; what is being written stays as a draft.
    Exit,
    /// Starts a question.
    Ask,
    /// Starts an answer.
    Reply,
    /// Changes a text.
    Edit,
    /// Deletes, after a confirmation.
    Delete,
    /// Marks a question as answered, or as open again.
    Mark,
    /// Reloads.
    Reload,
    /// The user's own page.
    Profile,
    /// The list of keys.
    Help,
    /// The next field.
    Next,
    /// The field before.
    Previous,
    /// Enter in a form: the next field, or the button that has the focus.
    Accept,
    /// Sends a form.
    Submit,
    /// Hands the text to the user's own editor.
    Editor,
    /// Shows or hides a password.
    Reveal,
    /// Takes the latest change of a text back.
    Undo,
    /// Who wrote this.
    Who,
    /// Throws a draft away.
    Discard,
    /// To the sign-up form.
    SignUp,
    /// To the sign-in form.
    SignIn,
    /// Asks for another picture.
    NewAvatar,
    /// Ends the session.
    LogOut,
    /// Agrees.
    Yes,
    /// Declines.
    No,
    /// In a conflict: keeps the user's own text.
    Mine,
    /// In a conflict: takes the server's text.
    Theirs,
    /// Stops the program as the shell's Ctrl-Z does.
    Suspend,
    /// Redraws the whole screen.
    Redraw,
}

/// An action as a screen offers it now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ActionInfo {
    /// The action.
    pub(crate) action: Action,
    /// What it does here, in a word or two.
    pub(crate) label: &'static str,
    /// Whether it would do anything now.
    pub(crate) enabled: bool,
    /// Whether the footer names it; the help overlay names all.
    pub(crate) footer: bool,
}

impl ActionInfo {
    /// An action worth a place in the footer.
    pub(crate) const fn new(action: Action, label: &'static str) -> Self {
        Self { action, label, enabled: true, footer: true }
    }

    /// An action that only the help overlay lists.
    pub(crate) const fn quiet(action: Action, label: &'static str) -> Self {
        Self { action, label, enabled: true, footer: false }
    }

    /// The same action, possible only if `enabled`.
    pub(crate) const fn when(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }
}

/// Moving about in a list or a text.
pub(crate) const MOVES: [ActionInfo; 6] = [
    ActionInfo::quiet(Action::Up, "up"),
    ActionInfo::quiet(Action::Down, "down"),
    ActionInfo::quiet(Action::PageUp, "page up"),
    ActionInfo::quiet(Action::PageDown, "page down"),
    ActionInfo::quiet(Action::Top, "to the beginning"),
    ActionInfo::quiet(Action::Bottom, "to the end"),
];
