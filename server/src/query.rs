//! Query parameters that an operation does not have, or gets twice.

use std::collections::BTreeSet;

use poem::Request;
use ro_co_shared::{Code, FieldError};

use crate::error::ApiError;

/// The names of the query parameters of the operation a request is routed to; an extension of the request.
#[derive(Clone, Copy)]
pub(crate) struct KnownParameters(pub(crate) &'static [String]);

/// Refuses a query with an unknown or a repeated parameter: a misspelt filter would list everything. Requests without
/// [`KnownParameters`] may have any.
pub(crate) fn check(request: &Request) -> Result<(), ApiError> {
    let Some(known) = request.extensions().get::<KnownParameters>() else { return Ok(()) };
    let given: Vec<(String, String)> =
        request.params().map_err(|_| ApiError::new(Code::Malformed, "the query could not be read"))?;
    let (repeated, unknown) = wrong(given.iter().map(|(name, _)| name.as_str()), known.0);
    if repeated.is_empty() && unknown.is_empty() {
        return Ok(());
    }
    let twice = |field: &str| FieldError { field: field.into(), message: "is given more than once".into() };
    let repeated = repeated.into_iter().map(twice).collect();
    Err(ApiError::wrong_fields(Code::UnknownField, repeated, &unknown))
}

/// The known parameters that are repeated, and the unknown ones; each once.
fn wrong<'a>(given: impl Iterator<Item = &'a str>, known: &[String]) -> (BTreeSet<&'a str>, Vec<String>) {
    let (mut seen, mut repeated, mut unknown) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for name in given {
        let is_new = seen.insert(name);
        if !known.iter().any(|known| known == name) {
            unknown.extend(is_new.then(|| name.to_owned()));
        } else if !is_new {
            repeated.insert(name);
        }
    }
    (repeated, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_parameter_is_named_once() {
        let known = ["size".to_owned(), "page".to_owned()];
        let wrong = |given: &[&'static str]| {
            let (repeated, unknown) = wrong(given.iter().copied(), &known);
            (repeated.into_iter().collect::<Vec<_>>().join(","), unknown.join(","))
        };
        let named = |repeated: &str, unknown: &str| (repeated.to_owned(), unknown.to_owned());
        assert_eq!(wrong(&[]), named("", ""));
        assert_eq!(wrong(&["size", "page"]), named("", ""));
        assert_eq!(wrong(&["sizes", "size", "sizes"]), named("", "sizes"));
        assert_eq!(wrong(&["size", "page", "size", "size", "Size"]), named("size", "Size"));
    }
}
