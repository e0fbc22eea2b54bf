//! Pictures.

use mongodb::bson::DateTime;
use serde::Deserialize;

use super::time;
use crate::store::AvatarImage;

/// A picture, under its user's id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store::mongo) struct AvatarDoc {
    svg: String,
    created_at: DateTime,
}

impl From<AvatarDoc> for AvatarImage {
    fn from(doc: AvatarDoc) -> Self {
        Self { svg: doc.svg, created_at: time(doc.created_at) }
    }
}
