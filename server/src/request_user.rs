//! Whose request it is, for its records.

use std::sync::{Arc, OnceLock};

use poem::Request;
use ro_co_shared::UserId;

/// The user of a request, as soon as its access token was verified.
#[derive(Clone, Default)]
pub(crate) struct RequestUser(Arc<OnceLock<UserId>>);

impl RequestUser {
    /// Adds a place for the user to a request.
    pub(crate) fn attach(request: &mut Request) -> Self {
        let user = Self::default();
        request.set_data(user.clone());
        user
    }

    /// Notes the user of this request.
    pub(crate) fn note(request: &Request, user: UserId) {
        if let Some(noted) = request.data::<Self>() {
            // Only the first extractor of an operation finds a user.
            let _ = noted.0.set(user);
        }
    }

    pub(crate) fn get(&self) -> Option<UserId> {
        self.0.get().copied()
    }
}
