//! Health.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::OpenApi;

use super::{Tag, payload::Done};
use crate::{
    app::App,
    error::{OperationError, Plain},
    limits::AnonymousRateLimit,
};

pub(super) struct System;

#[expect(clippy::unused_async, reason = "operations must be async")]
#[OpenApi(prefix_path = "/health", tag = "Tag::System")]
impl System {
    /// Is it running
    ///
    /// 200 as long as the process answers.
    #[oai(path = "/live", method = "get", operation_id = "live")]
    async fn live(&self, _open: AnonymousRateLimit) -> Result<Done, OperationError<Plain>> {
        Ok(Done)
    }

    /// Is it ready
    ///
    /// 200 when the store answers, 503 when it does not.
    #[oai(path = "/ready", method = "get", operation_id = "ready")]
    async fn ready(
        &self,
        _open: AnonymousRateLimit,
        app: Data<&Arc<App>>,
    ) -> Result<Done, OperationError<Plain>> {
        app.store.ping().await?;
        Ok(Done)
    }
}
