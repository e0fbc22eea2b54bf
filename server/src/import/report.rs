//! What became of each row: counts, and a line for each row that was skipped or changed.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use serde::Serialize;

use super::Kind;

/// Why a row was skipped, or what of it was changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The document is broken.
    Unreadable,
    /// Its id is none.
    NoId,
    /// It was deleted.
    Deleted,
    /// Nobody could sign in to the account.
    NoAddress,
    /// Somebody else has the address.
    AddressTaken,
    /// Somebody else has the name and each that was tried instead.
    NameTaken,
    /// A question without a title.
    NoTitle,
    /// An answer without a text.
    NoText,
    /// An answer to nothing.
    NoQuestion,
    /// What it refers to was deleted here while the import ran.
    Vanished,
    /// The name broke the rules.
    NameMended,
    /// The name was somebody else's.
    NameReplaced,
    /// The hash is none that can be verified.
    NoPassword,
    /// The picture is no harmless SVG.
    NoPicture,
    /// The time was missing or wrong.
    NoTime,
    /// A text broke the rules.
    TextMended,
    /// The author is missing or was skipped.
    NoAuthor,
}

impl Why {
    /// In a few words, for a reader.
    fn explained(self) -> &'static str {
        match self {
            Self::Unreadable => "the document cannot be read",
            Self::NoId => "its _id is no ObjectId",
            Self::Deleted => "it was marked as deleted",
            Self::NoAddress => "it has no valid email address to sign in with",
            Self::AddressTaken => "its address is another account's, ignoring case",
            Self::NameTaken => "its name is another account's, and each that was tried instead",
            Self::NoTitle => "it has no title",
            Self::NoText => "it has no text",
            Self::NoQuestion => "its question is missing or was skipped",
            Self::Vanished => "what it belongs to was deleted here meanwhile",
            Self::NameMended => "the name was mended to keep the rules",
            Self::NameReplaced => "the name was taken, so a part of the id stands behind it",
            Self::NoPassword => "the password's hash is unusable: give it a new one by admin reset-password",
            Self::NoPicture => "the picture is no harmless SVG: it is drawn anew when asked for",
            Self::NoTime => "its time was missing or wrong: it has that of its id",
            Self::TextMended => "control characters were taken out, or a text was cut to the longest allowed",
            Self::NoAuthor => "its author is missing or was skipped: it is the deleted user's",
        }
    }
}

/// What became of a row.
pub(super) enum End {
    /// It is here now.
    Added,
    /// It was here before, and was left alone.
    There,
    /// It is not here.
    Skipped(Why),
}

/// A change to a row, and what came of it where that helps whoever is asked about it.
pub(super) struct Change(pub(super) Why, pub(super) Option<String>);

impl From<Why> for Change {
    fn from(why: Why) -> Self {
        Self(why, None)
    }
}

#[derive(Default)]
struct Tally {
    added: u64,
    there: u64,
    skipped: BTreeMap<Why, u64>,
    changed: BTreeMap<Why, u64>,
}

/// The counts, and where the lines go.
pub struct Report {
    tallies: [Tally; 3],
    lines: Lines,
}

enum Lines {
    Text,
    Json(BufWriter<File>),
}

#[derive(Serialize)]
struct Line<'a> {
    collection: &'static str,
    id: &'a str,
    outcome: &'static str,
    reason: Why,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<&'a str>,
}

impl Report {
    /// Lines go to this file, as JSON, or to standard error, as text.
    pub(super) fn new(file: Option<&Path>) -> io::Result<Self> {
        let lines = match file {
            Some(file) => Lines::Json(BufWriter::new(File::create(file)?)),
            None => Lines::Text,
        };
        Ok(Self { tallies: Default::default(), lines })
    }

    /// Counts a row, and writes its lines.
    pub(super) fn row(&mut self, kind: Kind, id: &str, end: &End, changes: &[Change]) -> io::Result<()> {
        let tally = &mut self.tallies[kind as usize];
        match end {
            End::There => tally.there += 1,
            End::Skipped(why) => {
                *tally.skipped.entry(*why).or_default() += 1;
                self.line(kind, id, "skipped", *why, None)?;
            }
            End::Added => {
                tally.added += 1;
                for Change(why, now) in changes {
                    *self.tallies[kind as usize].changed.entry(*why).or_default() += 1;
                    self.line(kind, id, "changed", *why, now.as_deref())?;
                }
            }
        }
        Ok(())
    }

    fn line(
        &mut self,
        kind: Kind,
        id: &str,
        outcome: &'static str,
        why: Why,
        now: Option<&str>,
    ) -> io::Result<()> {
        let collection = kind.collection();
        match &mut self.lines {
            Lines::Json(file) => {
                serde_json::to_writer(&mut *file, &Line { collection, id, outcome, reason: why, now })?;
                file.write_all(b"\n")
            }
            Lines::Text => {
                let now = now.map(|now| format!(" ({now})")).unwrap_or_default();
                writeln!(io::stderr(), "{collection} {id} {outcome}: {}{now}", why.explained())
            }
        }
    }

    /// Writes out what waits.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match &mut self.lines {
            Lines::Json(file) => file.flush(),
            Lines::Text => Ok(()),
        }
    }
}

/// The counts as a table of lines.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in Kind::ALL {
            let Tally { added, there, skipped, changed } = &self.tallies[kind as usize];
            let [skips, changes] = [skipped, changed].map(|by_reason| by_reason.values().sum::<u64>());
            let read = added + there + skips;
            writeln!(
                f,
                "{:9} {read} read: {added} new, {there} there already, {skips} skipped",
                kind.collection()
            )?;
            for (outcome, by_reason, any) in [("skipped", skipped, skips), ("changed", changed, changes)] {
                for (why, count) in by_reason.iter().filter(|_| any > 0) {
                    writeln!(f, "  {count} {outcome}: {}", why.explained())?;
                }
            }
        }
        write!(f, "token     not imported: everybody signs in anew")
    }
}
