//! Header parameters of operations.

use poem::{Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchemaRef, Registry},
    types::ParseFromParameter,
};
use ro_co_shared::FieldError;

use crate::error::ApiError;

/// A header parameter; 400 where its value is not visible ASCII.
///
/// poem-openapi treats such a header as absent: an edit with an unreadable `If-Match` would overwrite any version, and a
/// create with an unreadable `Idempotency-Key` would not be idempotent. Several lines are one list (RFC 9110 5.3).
pub(super) struct Header<T>(pub T);

impl<'a, T: ParseFromParameter> ApiExtractor<'a> for Header<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = T::IS_REQUIRED;
    type ParamType = T;
    type ParamRawType = T::RawValueType;

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(T::schema_ref())
    }

    fn param_raw_type(&self) -> Option<&Self::ParamRawType> {
        self.0.as_raw_value()
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<T>,
    ) -> Result<Self> {
        let wrong =
            |message: String| ApiError::fields(vec![FieldError { field: options.name.into(), message }]);
        let lines = request.headers().get_all(options.name).iter().map(|line| line.to_str());
        let lines: Vec<&str> =
            lines.collect::<Result<_, _>>().map_err(|_| wrong("must be visible ASCII characters".into()))?;
        let text = (!lines.is_empty()).then(|| lines.join(", "));
        Ok(Self(T::parse_from_parameters(text).map_err(|e| wrong(e.into_message()))?))
    }
}
