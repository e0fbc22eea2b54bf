//! One field of a form: a label, what is typed, and what is wrong with it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
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
    /// The most characters there may be.
    limit: Option<usize>,
    area: TextArea<'static>,
    /// What another text was put in the place of, as long as it stands there unchanged.
    replaced: Option<Replaced>,
}

/// A text that was put in the place of another.
struct Replaced {
    by: String,
    /// Steps of the editor's history that it took.
    steps: usize,
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
        Self {
            name,
            label,
            problem: None,
            remark: None,
            tall: false,
            secret: false,
            limit: None,
            area,
            replaced: None,
        }
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

    /// With a counter as soon as the text comes near this many characters.
    pub(crate) fn limit(mut self, most: usize) -> Self {
        self.limit = Some(most);
        self
    }

    /// Characters there are and may be, within a tenth of the limit or beyond it.
    pub(crate) fn counter(&self) -> Option<(usize, usize)> {
        let most = self.limit?;
        let text = self.text();
        // As the rules count: the space around a line does not belong to it.
        let count = if self.tall { text.as_str() } else { text.trim() }.chars().count();
        (count * 10 >= most * 9).then_some((count, most))
    }

    /// What is typed.
    pub(crate) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Puts another text there; one undo brings the old one back.
    pub(crate) fn replace(&mut self, text: &str) {
        let text = self.fit(text);
        let steps = usize::from(!self.text().is_empty()) + usize::from(!text.is_empty());
        self.replaced = Some(Replaced { by: text.clone(), steps });
        self.area.select_all();
        if text.is_empty() {
            self.area.cut();
        } else {
            self.area.insert_str(text);
        }
    }

    /// Types a key. Says whether the text is another one now.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers == KeyModifiers::CONTROL;
        let changed = match key.code {
            KeyCode::Char('u') if control => self.clear_to_head(),
            KeyCode::Enter | KeyCode::Char('m' | 'j')
                if !self.tall && (control || key.code == KeyCode::Enter) =>
            {
                false
            }
            _ => self.area.input(key),
        };
        if changed {
            self.problem = None;
        }
        changed
    }

    /// As in a shell. At the head of a line there is nothing to clear; the editor would join it to the one before.
    fn clear_to_head(&mut self) -> bool {
        (self.area.is_selecting() || self.area.cursor().1 > 0) && self.area.delete_line_by_head()
    }

    /// Takes the latest change back. Says whether there was one.
    pub(crate) fn undo(&mut self) -> bool {
        let whole = self.replaced.take_if(|replaced| replaced.by == self.area.lines().join("\n"));
        (0..whole.map_or(1, |replaced| replaced.steps)).filter(|_| self.area.undo()).count() > 0
    }

    /// Whether a text that was put here still stands here unchanged.
    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.as_ref().is_some_and(|replaced| replaced.by == self.text())
    }

    /// Selects all of it, so that typing replaces it.
    pub(crate) fn select(&mut self) {
        self.area.select_all();
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

    /// The text as it is, without control characters, and without newlines in a field of one line. What cannot be
    /// seen stays: some languages are written with it, and nobody asked for their text to be changed. It does not
    /// reach the terminal, for it is taken away while drawing.
    fn fit(&self, text: &str) -> String {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        match (self.tall, self.secret) {
            (true, _) => text,
            // The newline a copied password ends in is none of it.
            (false, true) => text.replace(['\n', '\t'], ""),
            (false, false) => text.replace(['\n', '\t'], " "),
        }
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
        assert!(field.undo());
        assert_eq!(field.text(), "mine", "in one step");
        assert!(field.undo());
        assert_eq!(field.text(), "");
        field.paste("mine");
        field.replace("");
        assert_eq!(field.text(), "");
    }

    fn control(field: &mut Field, key: char) {
        field.key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL));
    }

    #[test]
    fn the_keys_of_a_shell() {
        for mut field in [Field::line("title", "Title"), Field::secret("password", "Password")] {
            field.paste("one two three");
            control(&mut field, 'w');
            assert_eq!(field.text(), "one two ");
            control(&mut field, 'a');
            control(&mut field, 'u');
            assert_eq!(field.text(), "one two ", "nothing is before the cursor");
            control(&mut field, 'e');
            control(&mut field, 'u');
            assert_eq!(field.text(), "");
            field.paste("more");
            control(&mut field, 'a');
            control(&mut field, 'k');
            assert_eq!(field.text(), "");
        }
        let mut body = Field::tall("description", "Text");
        body.paste("above\nbelow");
        control(&mut body, 'u');
        control(&mut body, 'u');
        assert_eq!(body.text(), "above\n", "the line, and no line more");
    }

    #[test]
    fn text_is_kept_as_it_is() {
        let persian = "می\u{200C}خواهم \u{200D}\u{202E}\u{FEFF}a\u{301}\u{2028}b";
        let mut title = Field::line("title", "Title");
        title.paste(persian);
        assert_eq!(title.text(), persian);
        let mut body = Field::tall("description", "Text");
        body.replace(persian);
        assert_eq!(body.text(), persian);
    }

    #[test]
    fn what_is_selected_is_replaced() {
        let mut field = Field::secret("password", "Password");
        field.paste("wrong");
        field.select();
        field.key(KeyEvent::new(KeyCode::Char('r'), KeyModifiers::NONE));
        assert_eq!(field.text(), "r");
    }

    #[test]
    fn the_counter_comes_when_it_is_needed() {
        let mut title = Field::line("title", "Title").limit(20);
        title.paste(&format!("{}  ", "ü".repeat(17)));
        assert_eq!(title.counter(), None);
        title.replace(&"ü".repeat(18));
        assert_eq!(title.counter(), Some((18, 20)));
        title.paste("xyz");
        assert_eq!(title.counter(), Some((21, 20)));
    }
}
