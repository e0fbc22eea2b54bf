//! Sample content: a dozen users with their questions and answers.

mod people;
mod studies;
mod tools;

use ro_co_shared::{AnswerId, AnswerText, Invalid, QuestionId, QuestionText, Role, Timestamp, UserId};
use uuid::{Builder, Uuid};

use crate::{
    permissions::Permissions,
    store::{self, Account, Answer, CreatedAt, Principal, Question, Store},
};

/// The email address to sign in with; an admin, so that everything can be tried.
pub const VISITOR: &str = "lena.huber@example.org";

/// The password of all demo accounts.
pub const PASSWORD: &str = "look around a little";

/// A demo account.
struct Person {
    name: &'static str,
    email: &'static str,
    role: Role,
    /// Days since sign-up.
    days: i64,
}

/// A question with its answers.
struct Thread {
    by: &'static str,
    /// Minutes since it was asked.
    minutes: i64,
    title: &'static str,
    text: Option<&'static str>,
    answered: bool,
    answers: &'static [Reply],
}

/// An answer.
struct Reply {
    by: &'static str,
    /// Minutes since it was written.
    minutes: i64,
    text: &'static str,
}

const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;

fn threads() -> impl Iterator<Item = &'static Thread> {
    studies::THREADS.iter().chain(tools::THREADS)
}

/// Fills an empty store. `password_hash` is used for all accounts; everything else depends on `now` only.
pub async fn fill(store: &dyn Store, now: Timestamp, password_hash: &str) -> store::Result<()> {
    for person in people::PEOPLE {
        store.add_account(&account(person, now, password_hash).map_err(|invalid| broken(&invalid))?).await?;
    }
    for thread in threads() {
        let question = question(thread, now).map_err(|invalid| broken(&invalid))?;
        store.add_question(&question).await?;
        for reply in thread.answers {
            let answer = answer(reply, question.id, now).map_err(|invalid| broken(&invalid))?;
            store.add_answer(&answer).await?;
        }
        if thread.answered {
            let by = Principal { user: question.author, permissions: Permissions::empty() };
            store.set_answered(question.id, by, true).await?;
        }
    }
    Ok(())
}

fn account(person: &Person, now: Timestamp, password_hash: &str) -> Result<Account, Invalid> {
    let created_at = now.plus_millis(-person.days * DAY);
    Ok(Account {
        id: author(person.name),
        username: person.name.parse()?,
        email: person.email.parse()?,
        password: password_hash.into(),
        role: person.role,
        verified: true,
        suspended: false,
        password_expires_at: None,
        created_at,
        avatar_seed: person.name.into(),
        avatar_version: 1,
    })
}

fn question(thread: &Thread, now: Timestamp) -> Result<Question, Invalid> {
    let created_at = now.plus_millis(-thread.minutes * MINUTE);
    let description = thread.text.map(str::parse).transpose()?;
    Ok(Question {
        id: QuestionId(id(created_at, thread.title)),
        author: author(thread.by),
        text: QuestionText { description, ..QuestionText::new(thread.title.parse()?) },
        created_at: CreatedAt::Recorded(created_at),
        fingerprint: [0; 32],
    })
}

fn answer(reply: &Reply, question: QuestionId, now: Timestamp) -> Result<Answer, Invalid> {
    let created_at = now.plus_millis(-reply.minutes * MINUTE);
    Ok(Answer {
        id: AnswerId(id(created_at, reply.text)),
        question,
        author: author(reply.by),
        text: AnswerText::new(reply.text.parse()?),
        created_at: CreatedAt::Recorded(created_at),
        fingerprint: [0; 32],
    })
}

/// The id of an account, the same in every demo.
fn author(name: &str) -> UserId {
    UserId(id(Timestamp(0), name))
}

/// A UUID of version 7, derived from a time and a text instead of random bits.
fn id(at: Timestamp, text: &str) -> Uuid {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let mut random = [0; 10];
    random.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    Builder::from_unix_timestamp_millis(u64::try_from(at.0).unwrap_or_default(), &random).into_uuid()
}

fn broken(invalid: &Invalid) -> store::Error {
    store::Error::Broken(Box::new(std::io::Error::other(invalid.to_string())))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use ro_co_shared::{Body, Title};

    use super::*;
    use crate::store::{
        make::{answers_to, newest},
        sqlite::Sqlite,
    };

    const WEEK: i64 = 7 * 24 * 60;

    fn person(name: &str) -> &'static Person {
        people::PEOPLE.iter().find(|person| person.name == name).unwrap_or_else(|| panic!("who is {name}?"))
    }

    #[test]
    fn everything_passes_the_rules_unchanged() {
        for thread in threads() {
            assert_eq!(thread.title.parse::<Title>().unwrap().as_str(), thread.title);
            let texts = thread.text.into_iter().chain(thread.answers.iter().map(|reply| reply.text));
            for text in texts {
                assert_eq!(text.parse::<Body>().unwrap().as_str(), text);
                assert_eq!(text.trim(), text);
            }
        }
        for person in people::PEOPLE {
            let account = account(person, Timestamp(0), "").unwrap();
            assert_eq!(account.username.as_str(), person.name);
        }
    }

    #[test]
    fn time_runs_forwards() {
        for thread in threads() {
            assert!(person(thread.by).days * 24 * 60 > thread.minutes, "{} had not signed up yet", thread.by);
            let mut before = thread.minutes;
            for reply in thread.answers {
                assert!(reply.minutes < before && reply.minutes > 0, "in {}", thread.title);
                assert!(
                    person(reply.by).days * 24 * 60 > reply.minutes,
                    "{} had not signed up yet",
                    reply.by
                );
                before = reply.minutes;
            }
        }
    }

    #[test]
    fn there_is_something_of_everything() {
        assert_eq!(people::PEOPLE.len(), 12);
        assert!(people::PEOPLE.iter().any(|person| !person.name.is_ascii()));
        assert_eq!(person("Lena Huber").email, VISITOR);
        assert_eq!(threads().count(), 14);
        assert!((24..=30).contains(&threads().map(|thread| thread.answers.len()).sum::<usize>()));
        assert!(threads().any(|thread| thread.answers.is_empty()));
        assert!(threads().any(|thread| thread.text.is_none()));
        assert!(threads().any(|thread| thread.text.is_some_and(|text| text.len() > 2_000)));
        assert!(
            threads().any(|thread| thread.minutes < 10) && threads().any(|thread| thread.minutes > 4 * WEEK)
        );
        let (answered, open) = threads().partition::<Vec<_>, _>(|thread| thread.answered);
        assert!(answered.len() >= 4 && open.len() >= 4);
        assert!(answered.iter().all(|thread| !thread.answers.is_empty()));
        let code =
            threads().flat_map(|thread| thread.answers).filter(|reply| reply.text.contains("```")).count();
        assert!(code >= 4);
    }

    #[tokio::test]
    async fn a_store_takes_all_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let store: &dyn Store = &Sqlite::open(dir.path()).unwrap();
        let now = Timestamp(1_763_817_727_123);
        fill(store, now, "hash").await.unwrap();
        let questions = store.questions(newest(100)).await.unwrap();
        assert_eq!(questions.len(), threads().count());
        for question in questions {
            let thread = threads().find(|thread| thread.title == question.text.title.as_str()).unwrap();
            assert_eq!(question.author.username, thread.by);
            assert_eq!(question.answered, thread.answered);
            assert_eq!(now.since(question.created_at).as_secs(), thread.minutes * 60);
            let answers = store.answers(answers_to(question.id, 100)).await.unwrap();
            let texts = answers.iter().map(|answer| answer.text.description.as_str());
            assert!(texts.eq(thread.answers.iter().map(|reply| reply.text)));
        }
        let visitor = store.account_by_email(&VISITOR.parse().unwrap()).await.unwrap();
        assert_eq!((visitor.role, visitor.password.as_str()), (Role::Admin, "hash"));
        store.close().await;
    }

    #[test]
    fn nobody_is_silent_and_nothing_is_there_twice() {
        let writers: HashSet<_> =
            threads().flat_map(|t| t.answers.iter().map(|reply| reply.by).chain([t.by])).collect();
        assert_eq!(writers.len(), people::PEOPLE.len());
        let now = Timestamp(1_763_817_727_123);
        let ids: HashSet<_> = threads().map(|thread| question(thread, now).unwrap().id).collect();
        assert_eq!(ids.len(), threads().count());
        assert_eq!(ids, threads().map(|thread| question(thread, now).unwrap().id).collect());
        assert!(ids.iter().all(|id| id.0.get_version_num() == 7));
    }
}
