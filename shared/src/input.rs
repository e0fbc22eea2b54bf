//! Request fields as they arrive: any JSON value at all, checked later, so that one answer can name every
//! field that is wrong instead of the first.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

use crate::problem::FieldError;

/// Why a value is not valid, as the rest of a sentence that starts with the field's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalid(pub String);

impl Invalid {
    /// The reason in words, such as "must not be empty".
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

/// A checked value that can be read from a request.
pub trait Field: Sized {
    /// Reads it from text, as it stands in a JSON string, a path or a query.
    fn from_text(text: &str) -> Result<Self, Invalid>;

    /// Reads it from a JSON value; most fields are strings there.
    fn from_json(value: &Value) -> Result<Self, Invalid> {
        value.as_str().map_or_else(|| Err(Invalid::new("must be a string")), Self::from_text)
    }
}

impl Field for bool {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        text.parse().map_err(|_| Invalid::new("must be true or false"))
    }

    fn from_json(value: &Value) -> Result<Self, Invalid> {
        value.as_bool().ok_or_else(|| Invalid::new("must be true or false"))
    }
}

macro_rules! bounded_integer {
    ($(#[$doc:meta])* $name:ident, $min:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name(pub u32);

        impl $name {
            /// The smallest value allowed.
            pub const MIN: u32 = $min;
            /// The largest value allowed.
            pub const MAX: u32 = $max;
        }

        impl Field for $name {
            fn from_text(text: &str) -> Result<Self, Invalid> {
                text.parse().ok().filter(|n| (Self::MIN..=Self::MAX).contains(n)).map(Self).ok_or_else(|| {
                    Invalid(format!("must be a whole number from {} to {}", Self::MIN, Self::MAX))
                })
            }
        }
    };
}

bounded_integer!(
    /// The number of a page; the first is 0. Deep pages cost more the deeper they are: prefer cursors.
    PageNumber, 0, 10_000
);
bounded_integer!(
    /// How many items a page has at most.
    PageSize, 1, 100
);

/// A field as it arrived: nothing, or some JSON value that may or may not be a `T`.
///
/// `REQUIRED` says whether [`Input::check`] lets it be left out; see [`Optional`].
pub struct Input<T, const REQUIRED: bool = true>(Option<Value>, PhantomData<fn() -> T>);

/// An [`Input`] that may be left out.
pub type Optional<T> = Input<T, false>;

impl<T, const REQUIRED: bool> Input<T, REQUIRED> {
    /// Whether the request says nothing about this field.
    pub fn is_missing(&self) -> bool {
        self.0.is_none()
    }

    /// The value as it arrived.
    pub fn raw(&self) -> Option<&Value> {
        self.0.as_ref()
    }

    /// Wraps a value as it arrived.
    pub fn from_raw(value: Option<Value>) -> Self {
        Self(value, PhantomData)
    }

    /// The value as text, where it is text.
    pub fn text(&self) -> Option<&str> {
        self.0.as_ref().and_then(Value::as_str)
    }
}

impl<T: Field> Input<T, true> {
    /// The checked value; `None` when the field is missing or wrong, which `errors` then tells.
    pub fn check(&self, field: &str, errors: &mut Errors) -> Option<T> {
        match &self.0 {
            None => errors.reject(field, &Invalid::new("is required")),
            Some(value) => T::from_json(value).map_or_else(|why| errors.reject(field, &why), Some),
        }
    }
}

impl<T: Field> Input<T, false> {
    /// The checked value, `Some(None)` when it was left out; `None` when it is wrong, which `errors` tells.
    pub fn check(&self, field: &str, errors: &mut Errors) -> Option<Option<T>> {
        match &self.0 {
            None => Some(None),
            Some(value) => {
                T::from_json(value).map_or_else(|why| errors.reject(field, &why), |v| Some(Some(v)))
            }
        }
    }

    /// The checked value of a query parameter, whose text need not be JSON.
    pub fn check_text(&self, field: &str, errors: &mut Errors) -> Option<Option<T>> {
        match self.text() {
            None => Some(None),
            Some(text) => T::from_text(text).map_or_else(|why| errors.reject(field, &why), |v| Some(Some(v))),
        }
    }
}

impl<T, const REQUIRED: bool> Clone for Input<T, REQUIRED> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<T, const REQUIRED: bool> Default for Input<T, REQUIRED> {
    fn default() -> Self {
        Self(None, PhantomData)
    }
}

impl<T, const REQUIRED: bool> From<&str> for Input<T, REQUIRED> {
    fn from(text: &str) -> Self {
        Self(Some(Value::from(text)), PhantomData)
    }
}

impl<T, const REQUIRED: bool> From<String> for Input<T, REQUIRED> {
    fn from(text: String) -> Self {
        Self(Some(Value::from(text)), PhantomData)
    }
}

impl<T, const REQUIRED: bool> From<bool> for Input<T, REQUIRED> {
    fn from(value: bool) -> Self {
        Self(Some(Value::from(value)), PhantomData)
    }
}

/// Never the value: it may be a password.
impl<T, const REQUIRED: bool> fmt::Debug for Input<T, REQUIRED> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_missing() { "Input(missing)" } else { "Input(..)" })
    }
}

impl<T, const REQUIRED: bool> Serialize for Input<T, REQUIRED> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T, const REQUIRED: bool> Deserialize<'de> for Input<T, REQUIRED> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::from_raw(Some(value)))
    }
}

/// Collects what is wrong with a request, in the order of its fields.
#[derive(Debug, Default)]
pub struct Errors(Vec<FieldError>);

impl Errors {
    /// Notes one field; returns `None`, so that a check can end with it.
    pub fn reject<T>(&mut self, field: &str, why: &Invalid) -> Option<T> {
        self.0.push(FieldError { field: field.into(), message: why.0.clone() });
        None
    }

    /// What was noted.
    pub fn into_vec(self) -> Vec<FieldError> {
        self.0
    }
}

/// The size limit of bodies with a question's or an answer's text, in bytes: 10,000 emoji escaped as `\uXXXX` pairs are
/// 120 kB.
pub(crate) const MAX_CONTENT_BYTES: usize = 256 << 10;

/// A request body: fields as they arrived, and what they are once checked.
pub trait Form: DeserializeOwned {
    /// The names of all fields this body knows.
    const FIELDS: &'static [&'static str];
    /// The size limit of the body in bytes.
    const MAX_BYTES: usize = 16 << 10;
    /// The body with every field checked.
    type Checked;

    /// Checks all fields; the error lists every one that is wrong.
    fn check(self) -> Result<Self::Checked, Vec<FieldError>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_a_value_of_the_wrong_type_not_an_absence() {
        let input: Optional<bool> = serde_json::from_str("null").unwrap();
        let mut errors = Errors::default();
        assert_eq!(input.check("answered", &mut errors), None);
        assert_eq!(errors.into_vec()[0].message, "must be true or false");
    }

    #[test]
    fn debug_output_shows_no_value() {
        assert_eq!(format!("{:?}", Input::<bool>::from("hunter2")), "Input(..)");
    }

    #[test]
    fn page_numbers_are_bounded_at_both_ends() {
        for bad in ["-1", "10001", "", "ten", "1.5", "99999999999999999999"] {
            assert!(PageNumber::from_text(bad).is_err(), "{bad}");
        }
        assert!(PageSize::from_text("0").is_err());
        assert!(PageSize::from_text("101").is_err());
        assert_eq!(PageSize::from_text("100"), Ok(PageSize(100)));
    }
}
