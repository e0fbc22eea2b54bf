//! A question and its answers as one long text: which lines it has, and where each post begins.

use ratatui::layout::Rect;

use crate::{
    model::{Answer, Question},
    widgets::{AVATAR, Row, wrap, wrap_plain},
};

/// Narrower than this, the text goes below the picture instead of beside it.
const BESIDE: u16 = 60;
/// Columns left of a text beside a picture: the selection's mark, the picture, the gaps.
const INSET: u16 = AVATAR.0 + 4;
/// Wider lines are harder to read, not easier.
const MAX_WIDTH: u16 = 100;

/// One line of a post.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// A part of the title.
    Title(String),
    /// Author and age, told when drawn, for ages change.
    Facts,
    /// A part of the text.
    Body(Row),
    /// Nothing, so that the picture has room.
    Blank,
}

/// Where lines go, for a width.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Column {
    /// The first column of text that stands beside or below a picture.
    pub(super) text: u16,
    /// The first column of the lines beside the picture, where the text is below it.
    pub(super) head: u16,
    /// Columns of text.
    pub(super) width: u16,
}

impl Column {
    fn of(area: Rect) -> Self {
        if area.width >= BESIDE {
            Self { text: INSET, head: INSET, width: (area.width - INSET - 1).min(MAX_WIDTH) }
        } else {
            Self { text: 2, head: INSET, width: area.width.saturating_sub(3) }
        }
    }

    fn is_beside(self) -> bool {
        self.text == self.head
    }
}

/// All lines of a page, for one width of it.
#[derive(Default, Debug)]
pub(super) struct Posts {
    /// The question's lines, then each answer's.
    #[expect(clippy::struct_field_names, reason = "the posts of a page of posts")]
    pub(super) posts: Vec<Vec<Line>>,
    tops: Vec<usize>,
    /// Where the lines go.
    pub(super) column: Column,
}

impl Posts {
    /// Breaks everything into lines for this area.
    pub(super) fn new(question: &Question, answers: &[Answer], area: Rect) -> Self {
        let column = Column::of(area);
        let mut posts = vec![question_lines(question, column)];
        posts.extend(answers.iter().map(|answer| lines(Vec::new(), answer.body.as_str(), column)));
        let mut top = 0;
        let mut tops: Vec<usize> = posts
            .iter()
            .map(|post| {
                let this = top;
                top += post.len() + 1;
                this
            })
            .collect();
        tops.push(top);
        Self { posts, tops, column }
    }

    /// The line a post begins at.
    pub(super) fn top(&self, post: usize) -> usize {
        self.tops.get(post).or(self.tops.last()).copied().unwrap_or(0)
    }

    /// The line after a post's last one.
    pub(super) fn bottom(&self, post: usize) -> usize {
        self.top(post) + self.posts.get(post).map_or(0, Vec::len)
    }

    /// All lines with the gaps between posts.
    pub(super) fn len(&self) -> usize {
        self.tops.last().copied().unwrap_or(0)
    }

    /// The post a line belongs to.
    pub(super) fn at(&self, line: usize) -> usize {
        self.tops
            .partition_point(|top| *top <= line)
            .saturating_sub(1)
            .min(self.posts.len().saturating_sub(1))
    }
}

fn question_lines(question: &Question, column: Column) -> Vec<Line> {
    let width = if column.is_beside() {
        column.width
    } else {
        (column.width + column.text).saturating_sub(column.head)
    };
    let title = wrap_plain(question.title.as_str(), width.into()).into_iter().map(Line::Title).collect();
    lines(title, question.body.as_str(), column)
}

/// A post: its head beside the picture, then its text.
fn lines(mut lines: Vec<Line>, body: &str, column: Column) -> Vec<Line> {
    lines.push(Line::Facts);
    let rows = if body.is_empty() { Vec::new() } else { wrap(body, column.width.into()) };
    let picture = usize::from(AVATAR.1);
    if !column.is_beside() {
        lines.resize(lines.len().max(picture), Line::Blank);
    }
    lines.extend(rows.into_iter().map(Line::Body));
    lines.resize(lines.len().max(picture), Line::Blank);
    lines
}
