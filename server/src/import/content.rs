//! Questions and answers.

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::bson::oid::ObjectId;
use ro_co_shared::{AnswerId, AnswerText, QuestionId, QuestionText, Timestamp, UserId};

use super::{
    Error, Judged, Kind, WIDTH, Work, ids,
    report::{Change, End, Why},
    row::Row,
    texts::{self, Mended},
};
use crate::{
    keys::sha256,
    store::{self, Answer, CreatedAt, Question},
};

/// What is made of a row, and what was done to it.
type Draft<T> = Result<(T, Vec<Change>), Why>;

/// Adds questions.
pub(super) async fn add_questions(work: &Work<'_>, rows: Vec<Row>) -> Result<Vec<Judged>, Error> {
    let authors = work.imported(Kind::User, rows.iter().filter_map(|row| row.reference("author"))).await?;
    let adding = stream::iter(rows).map(async |row| {
        let added = match question(&row, &authors, work.now) {
            Err(why) => Err(why),
            Ok((question, changes)) => {
                Ok((work.target.add_question(&question, row.flag("answered")).await, changes))
            }
        };
        judge(row.id, added)
    });
    adding.buffered(WIDTH).try_collect().await
}

/// Adds answers.
pub(super) async fn add_answers(work: &Work<'_>, rows: Vec<Row>) -> Result<Vec<Judged>, Error> {
    let authors = work.imported(Kind::User, rows.iter().filter_map(|row| row.reference("author"))).await?;
    let questions =
        work.imported(Kind::Question, rows.iter().filter_map(|row| row.reference("question"))).await?;
    let adding = stream::iter(rows).map(async |row| {
        let added = match answer(&row, &authors, &questions, work.now) {
            Err(why) => Err(why),
            Ok((answer, changes)) => Ok((work.target.add_answer(&answer).await, changes)),
        };
        judge(row.id, added)
    });
    adding.buffered(WIDTH).try_collect().await
}

fn question(row: &Row, authors: &HashSet<ObjectId>, now: Timestamp) -> Draft<Question> {
    if row.flag("deleted") {
        return Err(Why::Deleted);
    }
    let mut changes = Vec::new();
    let title = texts::title(row.text("title").unwrap_or_default()).ok_or(Why::NoTitle)?;
    let description = row.text("description").and_then(texts::body);
    if title.changed || description.as_ref().is_some_and(|d| d.changed) {
        changes.push(Why::TextMended.into());
    }
    let question = Question {
        id: QuestionId(ids::uuid(Kind::Question, row.id)),
        author: author(row, authors, &mut changes),
        text: QuestionText { description: description.map(|d| d.text), ..QuestionText::new(title.text) },
        created_at: CreatedAt::Recorded(created_at(row, now, &mut changes)),
        fingerprint: fingerprint(Kind::Question, row.id),
    };
    Ok((question, changes))
}

fn answer(
    row: &Row,
    authors: &HashSet<ObjectId>,
    questions: &HashSet<ObjectId>,
    now: Timestamp,
) -> Draft<Answer> {
    if row.flag("deleted") {
        return Err(Why::Deleted);
    }
    let question = row.reference("question").filter(|id| questions.contains(id)).ok_or(Why::NoQuestion)?;
    let mut changes = Vec::new();
    let Mended { text, changed } =
        texts::body(row.text("description").unwrap_or_default()).ok_or(Why::NoText)?;
    if changed {
        changes.push(Why::TextMended.into());
    }
    let answer = Answer {
        id: AnswerId(ids::uuid(Kind::Answer, row.id)),
        question: QuestionId(ids::uuid(Kind::Question, question)),
        author: author(row, authors, &mut changes),
        text: AnswerText::new(text),
        created_at: CreatedAt::Recorded(created_at(row, now, &mut changes)),
        fingerprint: fingerprint(Kind::Answer, row.id),
    };
    Ok((answer, changes))
}

fn author(row: &Row, authors: &HashSet<ObjectId>, changes: &mut Vec<Change>) -> UserId {
    if let Some(id) = row.reference("author").filter(|id| authors.contains(id)) {
        return UserId(ids::uuid(Kind::User, id));
    }
    changes.push(Why::NoAuthor.into());
    UserId::DELETED
}

fn created_at(row: &Row, now: Timestamp, changes: &mut Vec<Change>) -> Timestamp {
    row.created_at(now).unwrap_or_else(|of_the_id| {
        changes.push(Why::NoTime.into());
        of_the_id
    })
}

/// Of the row's origin and not of its content: a row that has changed there since is the same row.
fn fingerprint(kind: Kind, id: ObjectId) -> [u8; 32] {
    sha256(&[b"import ro-co ", kind.collection().as_bytes(), &id.bytes()[..]].concat())
}

fn judge(id: ObjectId, added: Result<(store::Result<bool>, Vec<Change>), Why>) -> Result<Judged, Error> {
    let (end, changes) = match added {
        Ok((Ok(true), changes)) => (End::Added, changes),
        Ok((Ok(false), _)) => (End::There, Vec::new()),
        Ok((Err(store::Error::NotFound), _)) => (End::Skipped(Why::Vanished), Vec::new()),
        Ok((Err(error), _)) => return Err(error.into()),
        Err(why) => (End::Skipped(why), Vec::new()),
    };
    Ok(Judged { id, end, changes })
}
