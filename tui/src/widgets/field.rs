//! One field of a form: a label, what is typed, and what is wrong with it.

use crossterm::event::KeyEvent;
use ratatui::style::{Modifier, Style};
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use crate::{clean::Clean, model::Tone};

/// A field.
pub(crate) struct Field {
    /// Its name on the wire, under which the server complains about it.
    pub(crate) name: &'static str,
    /// What it asks for.
    pub(crate) label: &'static str,
    /// What is wrong with it, as the rest of a sentence that starts with the label.
    pub(crate) problem: Option<Clean>,
    /// What else there is to say about it, such as that a name is free.
    pub(crate) remark: Option<(Tone, Clean)>,
    /// Whether it takes several lines.
    pub(crate) tall: bool,
    secret: bool,
    area: TextArea<'static>,
}

/// Shown for each character of a secret.
const MASK: char = '•';

impl Field {
    /// A field of one line.
    pub(crate) fn line(name: &'static str, label: &'static str) -> Self {
        let mut area = TextArea::default();
        area.set_cursor_line_style(Style::new());
        // The terminal's own cursor is put there instead: screen readers and input methods follow that one.
        area.set_cursor_style(Style::new());
        area.set_placeholder_style(Style::new().add_modifier(Modifier::DIM));
        area.set_selection_style(Style::new().add_modifier(Modifier::REVERSED));
        Self { name, label, problem: None, remark: None, tall: false, secret: false, area }
    }

    /// A field of one line that shows dots.
    pub(crate) fn secret(name: &'static str, label: &'static str) -> Self {
        let mut field = Self::line(name, label);
        field.area.set_mask_char(MASK);
        // Undo would keep every state the password ever had.
        field.area.set_max_histories(0);
        field.secret = true;
        field
    }

    /// A field of many lines.
    pub(crate) fn tall(name: &'static str, label: &'static str) -> Self {
        let mut field = Self::line(name, label);
        field.area.set_wrap_mode(WrapMode::WordOrGlyph);
        field.area.set_tab_length(4);
        field.tall = true;
        field
    }

    /// A hint shown while nothing is typed.
    pub(crate) fn hint(mut self, text: &str) -> Self {
        self.area.set_placeholder_text(text);
        self
    }

    /// What is typed.
    pub(crate) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Puts another text there; undo brings the old one back.
    pub(crate) fn replace(&mut self, text: &str) {
        self.area.select_all();
        let text = self.fit(text);
        if text.is_empty() {
            self.area.cut();
        } else {
            self.area.insert_str(text);
        }
    }

    /// Types a key. Says whether the text is another one now.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        let changed = self.area.input(key);
        if changed {
            self.problem = None;
            if !self.tall && self.area.lines().len() > 1 {
                self.area.undo();
            }
        }
        changed
    }

    /// Inserts text in one piece.
    pub(crate) fn paste(&mut self, text: &str) {
        self.problem = None;
        let text = self.fit(text);
        self.area.insert_str(text);
    }

    /// Shows or hides a secret.
    pub(crate) fn reveal(&mut self) {
        if self.secret {
            match self.area.mask_char() {
                Some(_) => self.area.clear_mask_char(),
                None => self.area.set_mask_char(MASK),
            }
        }
    }

    /// To the end of the line, or of the text.
    #[expect(clippy::wrong_self_convention, reason = "it moves the cursor to the end")]
    pub(crate) fn to_end(&mut self) {
        self.area.move_cursor(CursorMove::Bottom);
        self.area.move_cursor(CursorMove::End);
    }

    /// Scrolls a long text.
    pub(crate) fn scroll(&mut self, lines: i32) {
        let lines = i16::try_from(lines).unwrap_or(0);
        self.area.scroll((lines, 0));
    }

    /// The editor widget.
    pub(crate) fn area(&self) -> &TextArea<'static> {
        &self.area
    }

    /// What may stand here: nothing that cannot be seen, and no newline in a field of one line.
    fn fit(&self, text: &str) -> String {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        if self.secret {
            // Every character of a password counts, seen or not; the newline a copied one ends in does not.
            return text.replace(['\n', '\t'], "");
        }
        if self.tall { Clean::text(&text) } else { Clean::line(&text) }.into_string()
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyModifiers};

    use super::*;

    #[test]
    fn a_paste_of_many_lines_becomes_one_where_there_is_only_one() {
        let mut field = Field::line("title", "Title");
        field.paste("a\r\nb\u{1b}[31mc\u{7}");
        assert_eq!(field.text(), "a b[31mc");
        let mut body = Field::tall("description", "Text");
        body.paste("a\r\nb\r\tc");
        assert_eq!(body.text(), "a\nb\n\tc");
    }

    #[test]
    fn no_key_puts_a_newline_into_a_line() {
        let mut field = Field::line("title", "Title");
        field.paste("ab");
        for key in [
            KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE),
            KeyEvent::new(KeyCode::Char('m'), KeyModifiers::CONTROL),
        ] {
            field.key(key);
        }
        assert_eq!(field.text(), "ab");
    }

    #[test]
    fn a_replaced_text_comes_back_by_undo() {
        let mut field = Field::tall("description", "Text");
        field.paste("mine");
        field.replace("theirs\nlong");
        assert_eq!(field.text(), "theirs\nlong");
        for _ in 0..3 {
            field.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
        }
        assert!(field.text().is_empty() || field.text() == "mine");
        field.replace("");
        assert_eq!(field.text(), "");
    }
}
