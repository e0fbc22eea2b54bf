//! What the OpenAPI document says of these types. The only place, with the derives, that knows poem-openapi.

use std::borrow::Cow;

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    account::{Content, GivenEmail},
    email::Email,
    ids::{AnswerId, QuestionId, SessionId, UserId},
    input::{Input, PageNumber, PageSize},
    password::{GivenPassword, NewPassword},
    text::{Body, RefreshText, Rule, Title},
    time::Timestamp,
    username::Username,
};

/// The schema a type shows in the document.
pub trait Described {
    /// The schema, inline.
    fn schema() -> MetaSchema;
}

fn string<R: Rule>() -> MetaSchema {
    MetaSchema {
        min_length: Some(R::MIN),
        max_length: Some(R::MAX),
        format: R::FORMAT,
        pattern: R::PATTERN.map(Into::into),
        ..MetaSchema::new("string")
    }
}

fn formatted(format: &'static str, length: usize) -> MetaSchema {
    MetaSchema { max_length: Some(length), ..MetaSchema::new_with_format("string", format) }
}

/// A whole number in these bounds.
pub fn integer(minimum: u32, maximum: u32) -> MetaSchema {
    MetaSchema {
        minimum: Some(f64::from(minimum)),
        maximum: Some(f64::from(maximum)),
        ..MetaSchema::new_with_format("integer", "int32")
    }
}

macro_rules! described {
    ($($ty:ty => $schema:expr;)*) => {
        $(impl Described for $ty {
            fn schema() -> MetaSchema {
                $schema
            }
        })*
    };
}

described! {
    Username => string::<Username>();
    Email => string::<Email>();
    Title => string::<Title>();
    Body => string::<Body>();
    RefreshText => string::<RefreshText>();
    NewPassword => string::<NewPassword>();
    GivenPassword => string::<GivenPassword>();
    // Not `format: email`: whatever is no address is a wrong one, not a malformed request.
    GivenEmail => MetaSchema { max_length: Some(254), ..MetaSchema::new("string") };
    Content => MetaSchema { enum_items: vec![json!("keep"), json!("erase")], ..MetaSchema::new("string") };
    UserId => formatted("uuid", 36);
    QuestionId => formatted("uuid", 36);
    AnswerId => formatted("uuid", 36);
    SessionId => formatted("uuid", 36);
    Timestamp => formatted("date-time", 32);
    PageNumber => integer(PageNumber::MIN, PageNumber::MAX);
    PageSize => integer(PageSize::MIN, PageSize::MAX);
    bool => MetaSchema::new("boolean");
}

macro_rules! inline_type {
    ([$($generics:tt)*] $ty:ty, $required:expr, $schema:expr) => {
        impl<$($generics)*> Type for $ty {
            const IS_REQUIRED: bool = $required;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                concat!("inline ", stringify!($ty)).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl<$($generics)*> ParseFromJSON for $ty {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                from_json(value)
            }
        }

        impl<$($generics)*> ToJSON for $ty {
            fn to_json(&self) -> Option<Value> {
                to_json(self)
            }
        }
    };
}

fn from_json<T: Type + DeserializeOwned>(value: Option<Value>) -> ParseResult<T> {
    serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
}

/// Through serde, so that the document's examples are what the wire says.
fn to_json<T: Serialize>(value: &T) -> Option<Value> {
    serde_json::to_value(value).ok().filter(|v| !v.is_null())
}

inline_type!([] UserId, true, <Self as Described>::schema());
inline_type!([] QuestionId, true, <Self as Described>::schema());
inline_type!([] AnswerId, true, <Self as Described>::schema());
inline_type!([] SessionId, true, <Self as Described>::schema());
inline_type!([] Timestamp, true, <Self as Described>::schema());
inline_type!([T: Described, const REQUIRED: bool] Input<T, REQUIRED>, REQUIRED, T::schema());

/// Any text at all: what it is worth is checked with the other fields.
impl<T: Described, const REQUIRED: bool> ParseFromParameter for Input<T, REQUIRED> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Ok(Self::from(value))
    }

    fn parse_from_parameters<I: IntoIterator<Item = A>, A: AsRef<str>>(values: I) -> ParseResult<Self> {
        Ok(values.into_iter().next().map_or_else(Self::default, |value| Self::from(value.as_ref())))
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::Example;

    use super::*;
    use crate::{
        Answer, Author, ChangePassword, ChangeUsername, Code, Credentials, DeleteMe, EditAnswer,
        EditQuestion, FieldError, Form, Login, NewAnswer, NewQuestion, Problem, Question, Role, SetAnswered,
        SignOut, SignUp, User,
    };

    /// The document's schema comes from one derive and the bytes from another: they must agree.
    #[track_caller]
    fn agree<T: ToJSON + ParseFromJSON + Serialize + DeserializeOwned>(value: &T) {
        let by_serde = serde_json::to_value(value).unwrap();
        assert_eq!(value.to_json(), Some(by_serde.clone()));
        let back: T = serde_json::from_value(by_serde.clone()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), by_serde);
        assert_eq!(T::parse_from_json(Some(by_serde.clone())).ok().and_then(|v| v.to_json()), Some(by_serde));
    }

    #[test]
    fn what_is_sent_is_what_the_document_describes() {
        let author = Author { id: UserId::new(), username: "ada".into(), avatar_url: "/x".into() };
        let created_at = Timestamp(1_763_817_727_123);
        let question = Question {
            id: QuestionId::new(),
            title: "Why?".into(),
            description: None,
            created_at,
            updated_at: created_at,
            answered: true,
            answer_count: 3,
            author: author.clone(),
        };
        agree(&Question { description: Some("x".into()), ..question.clone() });
        agree(&question);
        agree(&Answer {
            id: AnswerId::new(),
            description: "x".into(),
            created_at,
            updated_at: created_at,
            question_id: QuestionId::new(),
            author,
        });
        let login = Login {
            id: UserId::new(),
            username: "ada".into(),
            avatar_url: "/x".into(),
            email: "a@b.cc".into(),
            role: Role::Admin,
            verified: false,
            created_at,
            suspended: false,
            token: "t".into(),
            refresh_token: "r".into(),
            token_expires_in: 1,
            refresh_expires_in: 2,
            password_expires_at: Some(created_at),
        };
        agree(&login.user());
        agree(&User {
            email: None,
            role: None,
            verified: None,
            created_at: None,
            suspended: None,
            password_expires_at: None,
            ..login.user()
        });
        agree(&login);
        agree(&Problem::new(Code::RefreshReused, "x"));
        agree(&Problem::fields(Code::Invalid, vec![FieldError { field: "f".into(), message: "m".into() }]));
    }

    #[test]
    fn every_body_has_an_example_that_passes_its_own_check() {
        fn passes<T: Form + Example + ToJSON + ParseFromJSON + Serialize>() {
            agree(&T::example());
            if let Err(errors) = T::example().check() {
                panic!("{}: {errors:?}", T::name());
            }
        }
        passes::<SignUp>();
        passes::<Credentials>();
        passes::<SignOut>();
        passes::<ChangeUsername>();
        passes::<ChangePassword>();
        passes::<DeleteMe>();
        passes::<NewQuestion>();
        passes::<EditQuestion>();
        passes::<SetAnswered>();
        passes::<NewAnswer>();
        passes::<EditAnswer>();
    }
}
