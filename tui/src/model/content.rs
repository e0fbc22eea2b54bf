//! Content for display, cleaned when it arrives.

use ro_co_shared as wire;
use ro_co_shared::{AnswerId, QuestionId, Timestamp, UserId};

use crate::{avatar::AvatarKey, clean::Clean};

/// Who wrote something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Person {
    /// The id.
    pub(crate) id: UserId,
    /// The name shown.
    pub(crate) name: Clean,
    /// The picture's address; it is also the picture's name in every cache.
    pub(crate) avatar: AvatarKey,
}

/// A question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Question {
    /// The id.
    pub(crate) id: QuestionId,
    /// What is asked, on one line.
    pub(crate) title: Clean,
    /// The rest of it.
    pub(crate) body: Clean,
    /// When it was asked.
    pub(crate) created: Timestamp,
    /// Whether its text was changed since.
    pub(crate) edited: bool,
    /// Whether it counts as answered.
    pub(crate) answered: bool,
    /// How many answers it has.
    pub(crate) answers: i32,
    /// Who asked.
    pub(crate) author: Person,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    /// The id.
    pub(crate) id: AnswerId,
    /// What it answers.
    pub(crate) question: QuestionId,
    /// The text.
    pub(crate) body: Clean,
    /// When it was given.
    pub(crate) created: Timestamp,
    /// Whether its text was changed since.
    pub(crate) edited: bool,
    /// Who answered.
    pub(crate) author: Person,
}

/// The user at the keyboard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Me {
    /// The user as everybody sees them.
    pub(crate) person: Person,
    /// The address they sign in with.
    pub(crate) email: Clean,
    /// Whether they may change what others wrote.
    pub(crate) admin: bool,
    /// When they joined.
    pub(crate) joined: Option<Timestamp>,
}

impl Me {
    /// Whether the user may change something this person wrote.
    pub(crate) fn may_change(&self, author: &Person) -> bool {
        self.admin || self.person.id == author.id
    }
}

impl Person {
    /// Takes over the user's new name and picture, if this is the user.
    pub(crate) fn follow(&mut self, me: &Me) {
        if self.id == me.person.id {
            *self = me.person.clone();
        }
    }
}

impl From<wire::Author> for Person {
    fn from(author: wire::Author) -> Self {
        Self {
            id: author.id,
            name: Clean::line(&author.username),
            avatar: AvatarKey::new(&author.avatar_url),
        }
    }
}

impl From<wire::Question> for Question {
    fn from(question: wire::Question) -> Self {
        Self {
            id: question.id,
            title: Clean::line(&question.title),
            body: Clean::text(question.description.as_deref().unwrap_or_default()),
            created: question.created_at,
            edited: question.updated_at != question.created_at,
            answered: question.answered,
            answers: question.answer_count.max(0),
            author: question.author.into(),
        }
    }
}

impl From<wire::Answer> for Answer {
    fn from(answer: wire::Answer) -> Self {
        Self {
            id: answer.id,
            question: answer.question_id,
            body: Clean::text(&answer.description),
            created: answer.created_at,
            edited: answer.updated_at != answer.created_at,
            author: answer.author.into(),
        }
    }
}

impl From<wire::User> for Me {
    fn from(user: wire::User) -> Self {
        Self {
            email: Clean::line(user.email.as_deref().unwrap_or_default()),
            admin: user.role == Some(wire::Role::Admin),
            joined: user.created_at,
            person: Person {
                id: user.id,
                name: Clean::line(&user.username),
                avatar: AvatarKey::new(&user.avatar_url),
            },
        }
    }
}
