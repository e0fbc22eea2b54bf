//! `ro-co-server import ro-co`: takes over a database of the original Ro-Co, which kept its data in MongoDB.
//!
//! Into any store, through its traits. Each row keeps its identity (`ids`), so that a second run adds what is new
//! there and leaves alone what is here. The source is read in batches; what is remembered is the ids of skipped rows.
//!
//! What the original allowed and the rules here do not is mended where that needs no invention; a row that cannot be
//! mended is skipped. [`Why`] lists both, the report names each row. An author who cannot be imported does not take
//! the content along: it becomes the deleted user's, as when an account is deleted here.

mod accounts;
mod content;
mod ids;
mod report;
mod row;
mod source;
mod target;
mod texts;

use std::{
    collections::{HashMap, HashSet},
    io,
    path::PathBuf,
    sync::Arc,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mongodb::bson::oid::ObjectId;
use ro_co_shared::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use self::{
    report::{Change, End},
    row::Row,
    source::Source,
    target::Target,
};
use crate::store::{self, Store};

pub use report::{Report, Why};

/// How many rows of a batch are written at once: enough for a store that commits many together.
const WIDTH: usize = 128;

/// The rest of the help.
pub const AFTER_HELP: &str = "\
Each row keeps its identity: a second run adds what is new and leaves alone what is here, so an import that broke off is
simply run again. What was deleted here since comes back with it. Old passwords work at once and are hashed anew at the
first login. Sessions (token) are not imported. Rows marked as deleted are skipped, names and texts that break the rules
are mended, and the content of missing authors becomes the deleted user's: the report names each row.

Exit codes: 0 imported, except for what the report names; 1 it broke off, run it again; 2 it could not start.";

/// What to import, and how.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The address of the original's MongoDB, with the name of the database behind the last slash; better in the
    /// environment where it holds a password, for a command line is public
    #[arg(long, env = "ROCO_IMPORT_FROM", hide_env_values = true, value_name = "URI")]
    from: SecretString,

    /// The name of its database [default: the one in the URI]
    #[arg(long, value_name = "NAME")]
    from_db: Option<String>,

    /// Write no row, and report what an import would do (an empty database is made where there is none)
    #[arg(long)]
    pub dry_run: bool,

    /// Write a line of JSON to FILE for each row that is skipped or changed [default: a line to standard error]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Why nothing, or not everything, was imported. Each text is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source cannot be had.
    #[error("the database to import from cannot be read: {0}")]
    Source(String),
    /// No name of a database was given.
    #[error(
        "the database to import from has no name: write it behind the last / of the URI, or give --from-db"
    )]
    NoDatabase,
    /// There is another thing, or nothing.
    #[error(
        "there is no Ro-Co in the database {0:?}: it has none of the collections User, Question and Answer"
    )]
    Empty(String),
    /// The report's file cannot be made.
    #[error("the report cannot be written: {0}")]
    NoReport(#[source] io::Error),
    /// The report's file cannot be written any further.
    #[error("the report cannot be written: {0}; a second run continues where this one ended")]
    Report(#[from] io::Error),
    /// A dry run found no place for its notes.
    #[error("no temporary database for the dry run: {0}")]
    Scratch(#[source] io::Error),
    /// The source went away.
    #[error("the database to import from failed: {0}; a second run continues where this one ended")]
    Broken(String),
    /// The store failed.
    #[error("the database failed: {0}; a second run continues where this one ended")]
    Store(String),
}

impl Error {
    /// Whether it failed before anything was done.
    pub fn at_start(&self) -> bool {
        matches!(
            self,
            Self::Source(_) | Self::NoDatabase | Self::Empty(_) | Self::NoReport(_) | Self::Scratch(_)
        )
    }
}

/// With what lies behind it, for the operator is the one to mend it.
impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})"));
        Self::Store(format!("{error}{}", cause.unwrap_or_default()))
    }
}

/// A kind of row, in the order in which they are imported.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    User,
    Question,
    Answer,
}

impl Kind {
    const ALL: [Self; 3] = [Self::User, Self::Question, Self::Answer];

    fn collection(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Question => "Question",
            Self::Answer => "Answer",
        }
    }
}

/// What became of a row.
struct Judged {
    id: ObjectId,
    end: End,
    changes: Vec<Change>,
}

/// What the work on a batch needs.
struct Work<'a> {
    source: &'a Source,
    target: &'a Target,
    skipped: &'a HashMap<Kind, HashSet<ObjectId>>,
    now: Timestamp,
}

impl Work<'_> {
    /// Which of these rows are imported: those that are in the source and were not skipped. The store is not asked,
    /// so that a dry run comes to the same.
    async fn imported(
        &self,
        kind: Kind,
        ids: impl Iterator<Item = ObjectId>,
    ) -> Result<HashSet<ObjectId>, Error> {
        let skipped = self.skipped.get(&kind);
        let candidates = ids.filter(|id| !skipped.is_some_and(|skipped| skipped.contains(id))).collect();
        self.source.existing(kind, candidates).await
    }
}

/// Imports into this store, and closes it.
pub async fn run(options: &Options, store: Arc<dyn Store>, now: Timestamp) -> Result<Report, Error> {
    let imported = match Source::connect(options.from.expose_secret(), options.from_db.as_deref()).await {
        Ok(source) => {
            let imported = import(options, &source, Arc::clone(&store), now).await;
            source.close().await;
            imported
        }
        Err(error) => Err(error),
    };
    store.close().await;
    imported
}

async fn import(
    options: &Options,
    source: &Source,
    store: Arc<dyn Store>,
    now: Timestamp,
) -> Result<Report, Error> {
    let target = Target::new(store, options.dry_run)?;
    let mut report = Report::new(options.report.as_deref()).map_err(Error::NoReport)?;
    let done = walk_all(source, &target, &mut report, now).await;
    target.close().await;
    report.finish()?;
    done.map(|()| report)
}

async fn walk_all(
    source: &Source,
    target: &Target,
    report: &mut Report,
    now: Timestamp,
) -> Result<(), Error> {
    let mut skipped = HashMap::new();
    for kind in Kind::ALL {
        let ids = walk(&Work { source, target, skipped: &skipped, now }, kind, report).await?;
        skipped.insert(kind, ids);
    }
    Ok(())
}

/// Imports all rows of a kind; the ids of those skipped.
async fn walk(work: &Work<'_>, kind: Kind, report: &mut Report) -> Result<HashSet<ObjectId>, Error> {
    let bar = bar(kind, work.source.count(kind).await?);
    let mut documents = work.source.documents(kind).await?;
    let mut skipped = HashSet::new();
    loop {
        let batch = documents.batch().await?;
        if batch.is_empty() {
            break;
        }
        let size = batch.len();
        let (mut rows, mut no_rows) = (Vec::new(), Vec::new());
        for document in batch {
            match Row::read(&document) {
                Ok(row) => rows.push(row),
                Err(no_row) => no_rows.push(no_row),
            }
        }
        let judged = match kind {
            Kind::User => accounts::add(work, rows).await?,
            Kind::Question => content::add_questions(work, rows).await?,
            Kind::Answer => content::add_answers(work, rows).await?,
        };
        let is_skipped = |judged: &&Judged| matches!(judged.end, End::Skipped(_));
        skipped.extend(judged.iter().filter(is_skipped).map(|judged| judged.id));
        bar.inc(size as u64);
        // The lines are written above the bar.
        bar.suspend(|| {
            no_rows.into_iter().try_for_each(|(id, why)| report.row(kind, &id, &End::Skipped(why), &[]))?;
            judged.iter().try_for_each(|j| report.row(kind, &j.id.to_hex(), &j.end, &j.changes))
        })?;
    }
    bar.finish_and_clear();
    Ok(skipped)
}

/// How far it is, on a terminal.
fn bar(kind: Kind, rows: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix:9} {wide_bar} {pos} of {len}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_prefix(kind.collection())
}
