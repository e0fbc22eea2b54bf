//! Users, and what signing up and in says.

use serde::{Deserialize, Serialize};

use crate::{
    email::Email,
    ids::UserId,
    input::{Errors, Field, Form, Input, Invalid, Optional},
    password::{GivenPassword, NewPassword},
    problem::FieldError,
    text::RefreshText,
    time::Timestamp,
    username::Username,
};

/// What a user may do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum))]
#[cfg_attr(feature = "openapi", oai(rename_all = "UPPERCASE"))]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// Reads everything, writes their own.
    User,
    /// Edits and deletes anything.
    Admin,
    /// A role this version does not know; it grants what [`Role::User`] does.
    #[serde(other)]
    Unknown,
}

/// A user. The fields from `email` on are there for the user themself and for admins only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
#[cfg_attr(feature = "openapi", oai(rename_all = "camelCase", skip_serializing_if_is_none))]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The name shown; no two look alike.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 64)))]
    pub username: String,
    /// The picture, relative to this server; a new picture has a new URL.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 256)))]
    pub avatar_url: String,
    /// The email address as typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 254)))]
    pub email: Option<String>,
    /// What the user may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether the email address was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// When the account was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Whether an admin has locked the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
    /// When the password that an operator set stops working. Until it is changed, everything else is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_expires_at: Option<Timestamp>,
}

/// Who wrote something; never absent, for the content of a deleted account shows "deleted user".
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
#[cfg_attr(feature = "openapi", oai(rename_all = "camelCase"))]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// The id.
    pub id: UserId,
    /// The name shown.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 64)))]
    pub username: String,
    /// The picture, relative to this server.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 256)))]
    pub avatar_url: String,
}

/// A session's tokens, and the user they belong to as seen by themself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
#[cfg_attr(feature = "openapi", oai(rename_all = "camelCase", skip_serializing_if_is_none))]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// The id.
    pub id: UserId,
    /// The name shown.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 64)))]
    pub username: String,
    /// The picture, relative to this server.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 256)))]
    pub avatar_url: String,
    /// The email address as typed.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 254)))]
    pub email: String,
    /// What the user may do.
    pub role: Role,
    /// Whether the email address was confirmed.
    pub verified: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether an admin has locked the account.
    pub suspended: bool,
    /// The access token, a JWT: send it as `Authorization: Bearer`.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 4096)))]
    pub token: String,
    /// The refresh token, a JWT: send it as `Authorization: Bearer` to `/auth/refresh` only.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 4096)))]
    pub refresh_token: String,
    /// Milliseconds until the access token expires.
    #[cfg_attr(
        feature = "openapi",
        oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))
    )]
    pub token_expires_in: i64,
    /// Milliseconds until the refresh token expires.
    #[cfg_attr(
        feature = "openapi",
        oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))
    )]
    pub refresh_expires_in: i64,
    /// When the password that an operator set stops working. Until it is changed, everything else is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_expires_at: Option<Timestamp>,
}

impl Login {
    /// The user, without the tokens.
    pub fn user(&self) -> User {
        User {
            id: self.id,
            username: self.username.clone(),
            avatar_url: self.avatar_url.clone(),
            email: Some(self.email.clone()),
            role: Some(self.role),
            verified: Some(self.verified),
            created_at: Some(self.created_at),
            suspended: Some(self.suspended),
            password_expires_at: self.password_expires_at,
        }
    }
}

/// Never the tokens.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("id", &self.id).finish_non_exhaustive()
    }
}

macro_rules! form {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident ($wire:literal): $ty:ty,)* } example $example:expr;) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
        #[cfg_attr(feature = "openapi", oai(deny_unknown_fields, example))]
        pub struct $name {
            $(
                $(#[$field_doc])*
                #[serde(rename = $wire, default, skip_serializing_if = "Input::is_missing")]
                #[cfg_attr(feature = "openapi", oai(rename = $wire))]
                pub $field: $ty,
            )*
        }

        #[cfg(feature = "openapi")]
        impl poem_openapi::types::Example for $name {
            fn example() -> Self {
                $example
            }
        }

        impl $name {
            const WIRE_FIELDS: &'static [&'static str] = &[$($wire),*];
        }
    };
}
pub(crate) use form;

form! {
    /// Asks for an account.
    SignUp {
        /// The name to be shown: 3 to 64 letters of one script, digits, spaces, `.`, `_`, `-`, at least one letter; no other name may look like it.
        username("username"): Input<Username>,
        /// The email address to sign in with; unique ignoring case, its domain in either form of IDNA; shown to nobody else.
        email("email"): Input<Email>,
        /// 10 to 128 characters, hard to guess; any characters, no composition rules. Common passwords, the names of the user and of Ro-Co, and six neighbouring keys in a row do not count.
        password("password"): Input<NewPassword>,
    }
    example Self { username: "ada".into(), email: "ada@example.org".into(), password: "correct horse battery".into() };
}

form! {
    /// Signs in.
    Credentials {
        /// The email address, in any case.
        email("email"): Input<GivenEmail>,
        /// The password.
        password("password"): Input<GivenPassword>,
    }
    example Self { email: "ada@example.org".into(), password: "correct horse battery".into() };
}

form! {
    /// Ends a session.
    SignOut {
        /// The refresh token of the session to end.
        refresh_token("refreshToken"): Input<RefreshText>,
    }
    example Self { refresh_token: "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJFZERTQSJ9.e30.c2ln".into() };
}

form! {
    /// Changes the caller's name.
    ChangeUsername {
        /// The new name: 3 to 64 letters of one script, digits, spaces, `.`, `_`, `-`, at least one letter; no other name may look like it.
        username("username"): Input<Username>,
    }
    example Self { username: "Ada Lovelace".into() };
}

form! {
    /// Changes the caller's password.
    ChangePassword {
        /// The password until now.
        current_password("currentPassword"): Input<GivenPassword>,
        /// The password from now on: 10 to 128 characters, hard to guess.
        new_password("newPassword"): Input<NewPassword>,
    }
    example Self { current_password: "correct horse battery".into(), new_password: "staple the next horse".into() };
}

form! {
    /// Deletes the caller's account.
    DeleteMe {
        /// The password, again.
        password("password"): Input<GivenPassword>,
        /// What becomes of the caller's questions and answers: `keep` (the default) or `erase`.
        content("content"): Optional<Content>,
    }
    example Self { password: "correct horse battery".into(), content: "keep".into() };
}

/// What becomes of a deleted account's questions and answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Content {
    /// They stay and lose their author.
    #[default]
    Keep,
    /// They go too, with all answers to the questions.
    Erase,
}

impl Field for Content {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        match text {
            "keep" => Ok(Self::Keep),
            "erase" => Ok(Self::Erase),
            _ => Err(Invalid::new("must be keep or erase")),
        }
    }
}

/// An email address given to sign in: any text, compared with the stored ones and never held to today's rule.
#[derive(Clone, Debug)]
pub struct GivenEmail(pub Email);

impl Field for GivenEmail {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        Ok(Self(Email::unchecked(text)))
    }
}

/// A sign-up with every field checked.
#[derive(Debug)]
pub struct NewUser {
    /// The name to be shown.
    pub username: Username,
    /// The email address to sign in with.
    pub email: Email,
    /// The password, not yet hashed.
    pub password: NewPassword,
}

/// A change of password with every field checked but the strength in context.
#[derive(Debug)]
pub struct PasswordChange {
    /// The password until now.
    pub current: GivenPassword,
    /// The password from now on.
    pub new: NewPassword,
}

impl Form for SignUp {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    type Checked = NewUser;

    fn check(self) -> Result<NewUser, Vec<FieldError>> {
        let mut errors = Errors::default();
        let username = self.username.check("username", &mut errors);
        let email = self.email.check("email", &mut errors);
        let password = self.password.check("password", &mut errors).and_then(|password| {
            let context = [self.username.text().unwrap_or_default(), self.email.text().unwrap_or_default()];
            password
                .check_context(&context)
                .map_or_else(|why| errors.reject("password", &why), |()| Some(password))
        });
        match (username, email, password) {
            (Some(username), Some(email), Some(password)) => Ok(NewUser { username, email, password }),
            _ => Err(errors.into_vec()),
        }
    }
}

impl Form for Credentials {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    type Checked = (Email, GivenPassword);

    fn check(self) -> Result<Self::Checked, Vec<FieldError>> {
        let mut errors = Errors::default();
        let email = self.email.check("email", &mut errors);
        let password = self.password.check("password", &mut errors);
        email.zip(password).map(|(email, password)| (email.0, password)).ok_or_else(|| errors.into_vec())
    }
}

impl Form for SignOut {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    type Checked = RefreshText;

    fn check(self) -> Result<RefreshText, Vec<FieldError>> {
        let mut errors = Errors::default();
        self.refresh_token.check("refreshToken", &mut errors).ok_or_else(|| errors.into_vec())
    }
}

impl Form for ChangeUsername {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    type Checked = Username;

    fn check(self) -> Result<Username, Vec<FieldError>> {
        let mut errors = Errors::default();
        self.username.check("username", &mut errors).ok_or_else(|| errors.into_vec())
    }
}

impl Form for ChangePassword {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    type Checked = PasswordChange;

    fn check(self) -> Result<PasswordChange, Vec<FieldError>> {
        let mut errors = Errors::default();
        let current = self.current_password.check("currentPassword", &mut errors);
        let new = self.new_password.check("newPassword", &mut errors);
        current
            .zip(new)
            .map(|(current, new)| PasswordChange { current, new })
            .ok_or_else(|| errors.into_vec())
    }
}

impl Form for DeleteMe {
    const FIELDS: &'static [&'static str] = Self::WIRE_FIELDS;
    type Checked = (GivenPassword, Content);

    fn check(self) -> Result<Self::Checked, Vec<FieldError>> {
        let mut errors = Errors::default();
        let password = self.password.check("password", &mut errors);
        let content = self.content.check("content", &mut errors).map(Option::unwrap_or_default);
        password.zip(content).ok_or_else(|| errors.into_vec())
    }
}
