//! What both ends of Ro-Co say on the wire, and the rules of each field.
//!
//! One definition gives a field its rule, the words of its error and its limits, so the server, the
//! client's live form checks and the OpenAPI document (feature `openapi`) cannot disagree.
//!
//! ```
//! use ro_co_shared::{Form, NewQuestion};
//!
//! let body: NewQuestion = serde_json::from_str(r#"{"title": " ", "description": ""}"#).unwrap();
//! let errors = body.check().unwrap_err();
//! assert_eq!(errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["title", "description"]);
//! ```

mod account;
mod answer;
mod canonical;
mod email;
mod ids;
mod input;
mod password;
mod problem;
mod question;
#[cfg(feature = "openapi")]
mod schema;
mod text;
mod time;
pub mod unicode;
mod username;

pub use account::{
    Author, ChangePassword, ChangeUsername, Content, Credentials, DeleteMe, Login, NewUser, PasswordChange,
    Role, SignOut, SignUp, User,
};
pub use answer::{Answer, AnswerDraft, AnswerText, EditAnswer, NewAnswer};
pub use canonical::{TEXT_VERSION, email_canonical, username_skeleton};
pub use email::Email;
pub use ids::{AnswerId, QuestionId, SessionId, UserId};
pub use input::{Errors, Field, Form, Input, Invalid, Optional, PageNumber, PageSize};
pub use password::{GivenPassword, NewPassword, Strength};
pub use problem::{Code, FieldError, Problem};
pub use question::{EditQuestion, NewQuestion, Question, QuestionDraft, QuestionText, SetAnswered};
#[cfg(feature = "openapi")]
pub use schema::{Described, integer as integer_schema};
pub use text::{Body, RefreshText, Rule, Title};
pub use time::Timestamp;
pub use username::Username;

/// The path every operation of this version lives under.
pub const API_PATH: &str = "/api/v1";
