//! Fields and buttons under each other, one of which has the focus.

use crossterm::event::KeyEvent;
use ro_co_shared::FieldError;

use super::Field;
use crate::{
    clean::Clean,
    input::{Action, Hit},
    model::UiError,
};

/// A button.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Button {
    /// What stands on it.
    pub(crate) label: &'static str,
    /// What it does.
    pub(crate) action: Action,
}

/// A form.
pub(crate) struct Form {
    /// The fields, from the top.
    pub(crate) fields: Vec<Field>,
    /// The buttons below them.
    pub(crate) buttons: Vec<Button>,
    /// What has the focus: fields first, then buttons.
    pub(crate) focus: usize,
}

impl Form {
    /// A form with the focus on its first field.
    pub(crate) fn new(fields: Vec<Field>, buttons: Vec<Button>) -> Self {
        Self { fields, buttons, focus: 0 }
    }

    /// The field of a name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field of a name, to be changed.
    pub(crate) fn field_mut(&mut self, name: &str) -> Option<&mut Field> {
        self.fields.iter_mut().find(|field| field.name == name)
    }

    /// What is typed into the field of a name.
    pub(crate) fn text(&self, name: &str) -> String {
        self.field(name).map(Field::text).unwrap_or_default()
    }

    /// The field that has the focus.
    pub(crate) fn focused(&mut self) -> Option<&mut Field> {
        self.fields.get_mut(self.focus)
    }

    /// Types a key into the field that has the focus. Says whether its text changed.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        self.focused().is_some_and(|field| field.key(key))
    }

    /// Inserts text into the field that has the focus.
    pub(crate) fn paste(&mut self, text: &str) {
        if let Some(field) = self.focused() {
            field.paste(text);
        }
    }

    /// What Enter means where the focus is: a newline, the next field, or a button's action.
    pub(crate) fn accept(&mut self) -> Option<Action> {
        let fields = self.fields.len();
        if let Some(field) = self.fields.get_mut(self.focus) {
            if field.tall {
                field.paste("\n");
                return None;
            }
            // From the last field Enter sends, as everywhere, and typing goes on there if that fails.
            if self.focus + 1 == fields {
                return self.buttons.first().map(|button| button.action);
            }
            self.focus += 1;
            return None;
        }
        self.buttons.get(self.focus - fields).map(|button| button.action)
    }

    /// Moves the focus, or shows a password; says whether the action was one of a form's own.
    pub(crate) fn act(&mut self, action: Action) -> bool {
        let count = self.fields.len() + self.buttons.len();
        match action {
            Action::Next => self.focus = (self.focus + 1) % count,
            Action::Previous => self.focus = (self.focus + count - 1) % count,
            Action::Reveal => self.fields.iter_mut().for_each(Field::reveal),
            _ => return false,
        }
        true
    }

    /// Takes the latest change of the field that has the focus back. Says whether there was one.
    pub(crate) fn undo(&mut self) -> bool {
        self.focused().is_some_and(Field::undo)
    }

    /// Gives the focus to the field of a name.
    pub(crate) fn focus_on(&mut self, name: &str) -> Option<&mut Field> {
        self.focus = self.fields.iter().position(|field| field.name == name)?;
        self.focused()
    }

    /// Gives the focus to what was clicked.
    pub(crate) fn click(&mut self, hit: Hit) {
        if let Hit::Field(index) = hit
            && index < self.fields.len()
        {
            self.focus = index;
        }
    }

    /// Takes all complaints away.
    pub(crate) fn clear_errors(&mut self) {
        self.fields.iter_mut().for_each(|field| field.problem = None);
    }

    /// Puts a complaint under its field and the focus on the first such field. Says whether there is one.
    pub(crate) fn set_errors<'a>(&mut self, problems: impl IntoIterator<Item = (&'a str, Clean)>) -> bool {
        for (name, message) in problems {
            if let Some(field) = self.field_mut(name) {
                field.problem = Some(message);
            }
        }
        let first = self.fields.iter().position(|field| field.problem.is_some());
        self.focus = first.unwrap_or(self.focus);
        first.is_some()
    }

    /// Puts the server's complaints where they belong. Says whether every one has found its field.
    pub(crate) fn set_errors_of(&mut self, trouble: &UiError) -> bool {
        let all_here = trouble.fields.iter().all(|(name, _)| self.field(name).is_some());
        self.set_errors(trouble.fields.iter().map(|(name, message)| (name.as_str(), message.clone())))
            && all_here
    }

    /// Puts the field rules' complaints where they belong. Says whether there are any.
    pub(crate) fn set_field_errors(&mut self, errors: &[FieldError]) -> bool {
        self.set_errors(errors.iter().map(|e| (e.field.as_str(), Clean::line(&e.message))))
    }
}
