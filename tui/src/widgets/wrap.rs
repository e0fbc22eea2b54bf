//! Breaking text into rows: newlines and indentation kept, words whole where they fit, every grapheme whole.

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

/// One row of text, no wider than asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    /// The text, without its newline.
    pub(crate) text: String,
    /// Whether it lies between two code fences.
    pub(crate) code: bool,
}

/// Columns a tab takes at most.
const TAB: usize = 4;

/// The width of a text in cells, as ratatui will draw it.
pub(crate) fn width(text: &str) -> usize {
    graphemes(text).map(|g| usize::from(g.cell_width())).sum()
}

/// The text cut to `cells`, with an ellipsis where something is missing.
pub(crate) fn cut(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut cut = text[..fitting(text, cells.saturating_sub(1))].to_owned();
    if cells > 0 {
        cut.push('…');
    }
    cut
}

/// Markdown as rows of at most `cells`: fences are taken away, what they hold is marked as code.
pub(crate) fn wrap(text: &str, cells: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut fence: Option<&str> = None;
    for line in text.split('\n') {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (mark, fence) {
            (Some(mark), None) => fence = Some(mark),
            (Some(mark), Some(open)) if mark == open => fence = None,
            (_, Some(_)) => {
                let broken = break_hard(&expand_tabs(line), cells.max(2));
                rows.extend(broken.into_iter().map(|text| Row { text, code: true }));
            }
            (_, None) => {
                let broken = break_words(&expand_tabs(line), cells.max(2));
                rows.extend(broken.into_iter().map(|text| Row { text, code: false }));
            }
        }
    }
    rows
}

/// Plain text as rows, with nothing taken for Markdown.
pub(crate) fn wrap_plain(text: &str, cells: usize) -> Vec<String> {
    text.split('\n').flat_map(|line| break_words(&expand_tabs(line), cells.max(2))).collect()
}

/// The graphemes ratatui draws.
fn graphemes(text: &str) -> impl Iterator<Item = &str> {
    text.graphemes(true).filter(|g| !g.contains(char::is_control))
}

/// How many bytes of the text fit into `cells`.
fn fitting(text: &str, cells: usize) -> usize {
    let (mut bytes, mut used) = (0, 0);
    for grapheme in text.graphemes(true) {
        used += if grapheme.contains(char::is_control) { 0 } else { usize::from(grapheme.cell_width()) };
        if used > cells {
            break;
        }
        bytes += grapheme.len();
    }
    bytes
}

fn expand_tabs(line: &str) -> String {
    let mut expanded = String::with_capacity(line.len());
    for (i, part) in line.split('\t').enumerate() {
        if i > 0 {
            let gap = TAB - width(&expanded) % TAB;
            expanded.extend(std::iter::repeat_n(' ', gap));
        }
        expanded.push_str(part);
    }
    expanded
}

fn break_hard(line: &str, cells: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let mut rest = line;
    loop {
        let at = at_least_one(rest, fitting(rest, cells));
        rows.push(rest[..at].to_owned());
        rest = &rest[at..];
        if rest.is_empty() {
            return rows;
        }
    }
}

fn break_words(line: &str, cells: usize) -> Vec<String> {
    let line = line.trim_end();
    let indent = line.len() - line.trim_start_matches(' ').len();
    // Deep indentation in a narrow column would leave no room for the words, or not even for one wide character.
    let hang = " ".repeat(if indent * 2 <= cells && indent + 2 <= cells { indent } else { 0 });
    let mut rows = Vec::new();
    let mut rest = line.to_owned();
    let mut led_by = 0;
    loop {
        // Past the hanging indentation at least one grapheme is taken, or this would go on for ever.
        let fits = fitting(&rest, cells).max(led_by + at_least_one(&rest[led_by..], 0));
        if fits >= rest.len() {
            rows.push(rest);
            return rows;
        }
        let at = word_end(&rest, fits, led_by).unwrap_or(fits);
        rows.push(rest[..at].trim_end().to_owned());
        rest = format!("{hang}{}", rest[at..].trim_start_matches(' '));
        led_by = hang.len();
    }
}

/// The last place before `fits` where a word ends and something other than indentation is before it.
fn word_end(text: &str, fits: usize, indent: usize) -> Option<usize> {
    if text[fits..].starts_with(' ') {
        return Some(fits);
    }
    let space = text[..fits].rfind(' ')?;
    (space > indent && !text[..space].trim().is_empty()).then_some(space)
}

/// A grapheme wider than the column is taken all the same, or nothing would ever get done.
fn at_least_one(text: &str, fits: usize) -> usize {
    if fits == 0 { text.graphemes(true).next().map_or(0, str::len) } else { fits }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_stay_whole_and_long_ones_are_broken() {
        assert_eq!(wrap_plain("the quick brown fox", 9), ["the quick", "brown fox"]);
        assert_eq!(wrap_plain("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap_plain("a\n\nb", 4), ["a", "", "b"]);
    }

    #[test]
    fn indentation_is_kept_and_hangs() {
        assert_eq!(wrap_plain("  - one two three", 10), ["  - one", "  two", "  three"]);
        assert_eq!(wrap_plain("\tx", 10), ["    x"]);
    }

    #[test]
    fn code_keeps_its_spaces_and_loses_its_fences() {
        let rows = wrap("see:\n```rust\nif  x {\n    y\n}\n```\nso", 20);
        let code: Vec<_> = rows.iter().filter(|r| r.code).map(|r| r.text.as_str()).collect();
        assert_eq!(code, ["if  x {", "    y", "}"]);
        assert_eq!(rows.first().map(|r| r.text.as_str()), Some("see:"));
        assert_eq!(rows.last().map(|r| r.text.as_str()), Some("so"));
    }

    #[test]
    fn wide_characters_take_two_cells() {
        assert_eq!(wrap_plain("李小龍李小龍", 5), ["李小", "龍李", "小龍"]);
        assert_eq!(cut("李小龍", 4), "李…");
        assert_eq!(width("👩‍👩‍👧"), 2);
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_no_word_is_lost(text in "[a-z 李é\n\t]{0,200}", cells in 2usize..40) {
            let rows = wrap_plain(&text, cells);
            prop_assert!(rows.iter().all(|row| width(row) <= cells));
            let without_space = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(without_space(&rows.concat()), without_space(&text));
        }
    }
}
