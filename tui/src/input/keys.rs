//! The key map: data, from which resolving, footer and help are all made.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Action;

/// Where keys go: letters move on a page and are text in a form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Context {
    /// Reading: lists and texts.
    Page,
    /// Typing: every plain key is text.
    Form,
    /// Choosing: a question over the screen.
    Dialog,
}

/// A key with its modifiers, free of the ways terminals report Shift.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl From<KeyEvent> for Chord {
    fn from(key: KeyEvent) -> Self {
        let shift_is_in_the_code = matches!(key.code, KeyCode::Char(_) | KeyCode::BackTab);
        let modifiers =
            if shift_is_in_the_code { key.modifiers - KeyModifiers::SHIFT } else { key.modifiers };
        Self { code: key.code, modifiers }
    }
}

struct Binding {
    contexts: &'static [Context],
    keys: Vec<Chord>,
    shown: &'static str,
    action: Action,
}

/// What a key means, given the keys before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyResolution {
    /// An action.
    Action(Action),
    /// The beginning of a sequence such as `g g`.
    Prefix,
    /// Nothing; in a form it is text.
    None,
}

/// All bindings. The first one of an action is the one the footer shows.
pub(crate) struct KeyMap(Vec<Binding>);

use Context::{Dialog, Form, Page};
const EVERYWHERE: &[Context] = &[Page, Form, Dialog];

/// Contexts, keys (alternatives separated by commas, sequences by spaces), action.
const DEFAULTS: &[(&[Context], &str, Action)] = &[
    (&[Page], "k, up", Action::Up),
    (&[Page], "j, down", Action::Down),
    (&[Page], "pgup, ctrl-b, ctrl-u", Action::PageUp),
    (&[Page], "pgdn, space, ctrl-f, ctrl-d", Action::PageDown),
    (&[Page], "g g, home", Action::Top),
    (&[Page], "G, end", Action::Bottom),
    (&[Page], "enter, l, right", Action::Open),
    (&[Page], "esc, h, left, backspace", Action::Back),
    (&[Page], "q", Action::Quit),
    (&[Page], "a", Action::Ask),
    (&[Page], "r", Action::Reply),
    (&[Page], "e", Action::Edit),
    (&[Page], "d, delete", Action::Delete),
    (&[Page], "m", Action::Mark),
    (&[Page], "R", Action::Reload),
    (EVERYWHERE, "f5", Action::Reload),
    (&[Page], "p", Action::Profile),
    (&[Page], "w", Action::Who),
    (&[Page], "n", Action::NewAvatar),
    (&[Page], "L", Action::LogOut),
    (&[Page], "?", Action::Help),
    (EVERYWHERE, "f1", Action::Help),
    (&[Page, Form], "tab", Action::Next),
    (&[Page, Form], "shift-tab", Action::Previous),
    (&[Form], "enter, ctrl-j", Action::Accept),
    (&[Form], "esc", Action::Back),
    (&[Form], "ctrl-s", Action::Submit),
    (&[Form], "ctrl-e", Action::Editor),
    (&[Form], "ctrl-r", Action::Reveal),
    (&[Form], "ctrl-x", Action::Discard),
    // Ctrl-7 is what most terminals make of the other two.
    (&[Form], "ctrl-_, ctrl-7, ctrl-/", Action::Undo),
    (&[Form], "ctrl-n", Action::SignUp),
    (&[Form], "ctrl-o", Action::SignIn),
    (&[Dialog], "y", Action::Yes),
    (&[Dialog], "enter", Action::Accept),
    (&[Dialog], "tab, right, l", Action::Next),
    (&[Dialog], "shift-tab, left, h", Action::Previous),
    (&[Dialog], "n, esc, q", Action::No),
    (&[Dialog], "m", Action::Mine),
    (&[Dialog], "t", Action::Theirs),
    (&[Dialog], "k, up", Action::Up),
    (&[Dialog], "j, down", Action::Down),
    (EVERYWHERE, "ctrl-c", Action::Exit),
    (EVERYWHERE, "ctrl-z", Action::Suspend),
    (EVERYWHERE, "ctrl-l", Action::Redraw),
];

impl Default for KeyMap {
    fn default() -> Self {
        let bindings = DEFAULTS.iter().flat_map(|&(contexts, keys, action)| {
            keys.split(", ").map(move |shown| Binding { contexts, keys: parse(shown), shown, action })
        });
        Self(bindings.collect())
    }
}

impl KeyMap {
    /// What `key` means after the keys in `before`.
    pub(crate) fn resolve(&self, context: Context, before: &[Chord], key: Chord) -> KeyResolution {
        let mut prefix = false;
        for binding in self.0.iter().filter(|b| b.contexts.contains(&context)) {
            let Some(rest) = binding.keys.strip_prefix(before) else { continue };
            match rest {
                [only] if *only == key => return KeyResolution::Action(binding.action),
                [first, _, ..] if *first == key => prefix = true,
                _ => {}
            }
        }
        if prefix { KeyResolution::Prefix } else { KeyResolution::None }
    }

    /// The keys of an action, the preferred one first.
    pub(crate) fn keys(&self, context: Context, action: Action) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(move |b| b.action == action && b.contexts.contains(&context)).map(|b| b.shown)
    }
}

fn parse(keys: &str) -> Vec<Chord> {
    keys.split(' ').map(chord).collect()
}

fn chord(text: &str) -> Chord {
    let (modifiers, name) = match text.split_once('-') {
        Some(("ctrl", name)) => (KeyModifiers::CONTROL, name),
        Some(("alt", name)) => (KeyModifiers::ALT, name),
        Some(("shift", "tab")) => (KeyModifiers::NONE, "backtab"),
        _ => (KeyModifiers::NONE, text),
    };
    Chord { code: code(name), modifiers }
}

fn code(name: &str) -> KeyCode {
    match name {
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "f1" => KeyCode::F(1),
        "f5" => KeyCode::F(5),
        _ => name.chars().next().map_or(KeyCode::Null, KeyCode::Char),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Chord {
        KeyEvent::new(code, modifiers).into()
    }

    #[test]
    fn letters_move_on_a_page_and_are_text_in_a_form() {
        let map = KeyMap::default();
        let j = key(KeyCode::Char('j'), KeyModifiers::NONE);
        assert_eq!(map.resolve(Page, &[], j), KeyResolution::Action(Action::Down));
        assert_eq!(map.resolve(Form, &[], j), KeyResolution::None);
    }

    #[test]
    fn a_sequence_needs_both_keys_and_the_capital_needs_no_shift_flag() {
        let map = KeyMap::default();
        let g = key(KeyCode::Char('g'), KeyModifiers::NONE);
        assert_eq!(map.resolve(Page, &[], g), KeyResolution::Prefix);
        assert_eq!(map.resolve(Page, &[g], g), KeyResolution::Action(Action::Top));
        for shift in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
            let capital = key(KeyCode::Char('G'), shift);
            assert_eq!(map.resolve(Page, &[], capital), KeyResolution::Action(Action::Bottom));
        }
        assert_eq!(
            map.resolve(Page, &[], key(KeyCode::BackTab, KeyModifiers::SHIFT)),
            KeyResolution::Action(Action::Previous)
        );
    }

    #[test]
    fn no_key_means_two_things_in_one_context() {
        let map = KeyMap::default();
        for context in [Page, Form, Dialog] {
            let bindings: Vec<_> = map.0.iter().filter(|b| b.contexts.contains(&context)).collect();
            for (i, a) in bindings.iter().enumerate() {
                for b in &bindings[i + 1..] {
                    assert!(
                        !a.keys.starts_with(&b.keys) && !b.keys.starts_with(&a.keys),
                        "{context:?} {}",
                        a.shown
                    );
                }
            }
        }
    }

    #[test]
    fn every_key_in_the_table_is_spelt_right() {
        for binding in KeyMap::default().0 {
            let spelt: usize = binding.shown.split(' ').count();
            assert_eq!(binding.keys.len(), spelt);
            for (chord, name) in binding.keys.iter().zip(binding.shown.split(' ')) {
                let bare = name.rsplit_once('-').map_or(name, |(_, bare)| bare);
                if let KeyCode::Char(c) = chord.code
                    && c != ' '
                {
                    assert_eq!(bare.chars().count(), 1, "{name} is not the name of a key");
                }
            }
        }
    }
}
