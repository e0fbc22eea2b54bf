//! The OpenAPI document: poem-openapi's output, completed and corrected.
//!
//! Added is what holds for every operation of a kind and would be noise in each signature; corrected is what breaks
//! client generators:
//!
//! - statuses from middleware and extractors: 401 where a token is needed, 400 under `API_PATH`, 408, 413 and 415
//!   where there is a body, 429, 500 and 503 everywhere;
//! - `security: []` on operations without authentication, explicitly;
//! - a field with a reference and a description comes as `allOf`: only the reference is kept;
//! - responses to creates have links to the operations on the new id;
//! - named enums become open strings (`x-extensible-enum`), because later releases add values;
//! - request bodies have `additionalProperties: false`, because unknown fields are refused, and passwords `writeOnly`;
//! - headers get their usual spelling and descriptions; default values are left out; limits are integers; keys are
//!   sorted, whatever map order the build's features select.

use ro_co_shared::API_PATH;
use serde_json::{Map, Value, json};

use crate::{base_path::BasePath, error::meaning};

/// The largest integer that every JSON parser represents exactly.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// `openapi.json`, byte for byte the same for the same code.
pub fn spec() -> String {
    spec_below(&BasePath::default())
}

/// The document of a server below this path.
pub(super) fn spec_below(base_path: &BasePath) -> String {
    let mut document: Value = serde_json::from_str(&super::service().spec()).unwrap_or_default();
    if *base_path != BasePath::default() {
        document["servers"] = json!([{"url": base_path.to_string()}]);
    }
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, operations) in paths {
            for operation in operations.as_object_mut().into_iter().flat_map(Map::values_mut) {
                complete(path, operation);
            }
        }
    }
    close_bodies(&mut document);
    open_enums(&mut document);
    link(&mut document);
    let mut text = serde_json::to_string_pretty(&sorted(simplify(document))).unwrap_or_default();
    text.push('\n');
    text
}

/// Sets `additionalProperties: false` on every request body.
fn close_bodies(document: &mut Value) {
    let paths = document["paths"].as_object().into_iter().flat_map(Map::values);
    let operations = paths.filter_map(Value::as_object).flat_map(Map::values);
    let names: Vec<String> = operations
        .filter_map(|op| op["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str())
        .filter_map(|reference| Some(reference.rsplit_once('/')?.1.to_owned()))
        .collect();
    for name in names {
        document["components"]["schemas"][name]["additionalProperties"] = false.into();
    }
}

/// The maximum length of a value of an open enum, for generated clients.
const MAX_ENUM_VALUE: usize = 64;

/// Makes open strings of the named enums, all of which are in responses: with `enum` a generated client refuses the
/// response that has a value of a later release. `x-extensible-enum` lists the values of this one.
fn open_enums(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut();
    for schema in schemas.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        let Some(Value::Array(mut values)) = schema.remove("enum") else { continue };
        // What a client reads where it does not know a value; never sent.
        values.retain(|value| value.as_str().is_some_and(|value| !value.eq_ignore_ascii_case("unknown")));
        schema.insert("x-extensible-enum".into(), values.into());
        schema.insert("maxLength".into(), MAX_ENUM_VALUE.into());
    }
}

/// Links of creates: the path, the operations on the created resource, and the name of their id parameter.
const LINKS: [(&str, &[&str], &str); 3] = [
    ("/api/v1/question", &["getQuestion", "updateQuestion", "setQuestionStatus", "deleteQuestion"], "id"),
    ("/api/v1/question", &["listAnswers"], "questionId"),
    ("/api/v1/answer", &["getAnswer", "updateAnswer", "deleteAnswer"], "id"),
];

fn link(document: &mut Value) {
    for (path, operations, parameter) in LINKS {
        for operation in operations {
            document["paths"][path]["post"]["responses"]["201"]["links"][*operation] =
                json!({"operationId": operation, "parameters": {parameter: "$response.body#/id"}});
        }
    }
}

/// Adds what holds for every operation of a kind.
fn complete(path: &str, operation: &mut Value) {
    let secured = operation["security"].as_array().is_some_and(|s| !s.is_empty());
    // Every operation with an access token but the one that shows why the others are refused.
    let refusable = operation["security"][0].get("accessToken").is_some() && operation["operationId"] != "me";
    let body = operation.get("requestBody").is_some();
    if !secured {
        operation["security"] = json!([]);
    }
    let common = [
        // Also without parameters: an unknown one is refused.
        (400, path.starts_with(API_PATH)),
        (401, secured),
        (403, refusable),
        (408, body),
        (413, body),
        (415, body),
        (429, true),
        (500, true),
        (503, true),
    ];
    for (status, _) in common.into_iter().filter(|(_, applies)| *applies) {
        let responses = &mut operation["responses"];
        if responses.get(status.to_string()).is_none() {
            responses[status.to_string()] = json!({
                "description": meaning(status),
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            });
        }
    }
    if let Some(responses) = operation["responses"].as_object_mut() {
        for (status, response) in responses {
            describe_headers(status, response);
        }
    }
}

fn describe_headers(status: &str, response: &mut Value) {
    if matches!(status, "503" | "429") {
        response["headers"]["Retry-After"] =
            json!({"schema": {"type": "integer", "minimum": 1, "maximum": 3600}});
    }
    let Some(headers) = response.get_mut("headers").and_then(Value::as_object_mut) else { return };
    // The derive writes their names in capitals.
    *headers = std::mem::take(headers).into_iter().map(|(name, h)| (proper_name(&name), h)).collect();
    for (name, header) in headers {
        let description = match name.to_ascii_lowercase().as_str() {
            "etag" => "The tag of this version, for `If-None-Match` and `If-Match`.",
            "location" => "The URL of the created resource.",
            "link" => "The URL of the next page, as `rel=\"next\"`; absent on the last one.",
            "x-total-count" => "The number of matches; only with `total=true`.",
            "cache-control" => "How long the picture may be cached; seconds only for a placeholder.",
            "content-security-policy" => "Nothing in the picture is loaded or run.",
            "retry-after" => "The number of seconds to wait before a retry.",
            _ => "A header.",
        };
        header["description"] = description.into();
        if name == "X-Total-Count" {
            header["schema"] =
                json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_SAFE_INTEGER});
        }
        if header["schema"]["type"] == "string" {
            header["schema"]["maxLength"] = 1024.into();
        }
    }
}

/// A header name in its usual spelling.
fn proper_name(name: &str) -> String {
    if name.eq_ignore_ascii_case("etag") {
        return "ETag".into();
    }
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
    });
    words.collect::<Vec<_>>().join("-")
}

/// Unwraps references, drops default values, and marks passwords as `writeOnly`.
fn simplify(value: Value) -> Value {
    match value {
        Value::Object(mut map) => {
            if let Some([Value::Object(first), ..]) =
                map.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
                && let Some(reference) = first.get("$ref")
            {
                return json!({ "$ref": reference });
            }
            for (name, default) in [("deprecated", false), ("explode", true)] {
                if map.get(name) == Some(&Value::Bool(default)) {
                    map.remove(name);
                }
            }
            if map.get("format").is_some_and(|format| format == "password") {
                map.insert("writeOnly".into(), true.into());
            }
            Value::Object(map.into_iter().map(|(k, v)| (k, simplify(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(simplify).collect()),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole numbers within the limits the document states"
        )]
        Value::Number(n) => match n.as_f64() {
            Some(x) if n.is_f64() && x.fract() == 0.0 => Value::from(x as i64),
            _ => Value::Number(n),
        },
        other => other,
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::OpenApi;

    use super::*;

    /// The operations of the document, as (path, method, operation).
    fn operations() -> Vec<(String, String, Value)> {
        let document: Value = serde_json::from_str(&spec()).unwrap();
        let paths = document["paths"].as_object().unwrap().clone();
        paths
            .into_iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().clone();
                methods.into_iter().map(move |(method, operation)| (path.clone(), method, operation))
            })
            .collect()
    }

    #[test]
    fn openapi_json_is_up_to_date() {
        let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.json"))
            .unwrap_or_default();
        assert!(
            file == spec(),
            "openapi.json differs from the code; update it with: cargo run -p ro-co-server -- openapi > openapi.json"
        );
    }

    #[test]
    fn every_routed_operation_is_documented() {
        // One path in two API structs is routed twice and documented once: compare with what is routed.
        let routed: usize = super::super::Api::meta()
            .iter()
            .flat_map(|api| &api.paths)
            .map(|path| path.operations.len())
            .sum();
        assert_eq!(operations().len(), routed);
    }

    #[test]
    fn every_operation_is_fully_described() {
        for (path, method, op) in operations() {
            let at = format!("{method} {path}");
            for field in ["operationId", "summary", "description"] {
                assert!(op[field].as_str().is_some_and(|s| !s.is_empty()), "{at}: no {field}");
            }
            assert_eq!(op["tags"].as_array().map(Vec::len), Some(1), "{at}: one tag");
            let responses = op["responses"].as_object().unwrap();
            assert_eq!(responses.keys().filter(|s| s.starts_with('2')).count(), 1, "{at}: one success");
            for (status, response) in responses {
                assert!(
                    status.len() == 3 && status.parse::<u16>().is_ok(),
                    "{at}: {status} is not an explicit status"
                );
                assert!(response["description"].as_str().is_some_and(|s| !s.is_empty()), "{at} {status}");
                if status.starts_with(['4', '5']) {
                    let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{at} {status}");
                }
            }
            for parameter in op["parameters"].as_array().into_iter().flatten() {
                assert!(
                    parameter["description"].as_str().is_some_and(|s| !s.is_empty()),
                    "{at}: {parameter}"
                );
            }
        }
    }

    #[test]
    fn operations_without_authentication() {
        let open: Vec<_> = operations()
            .into_iter()
            .filter(|(.., op)| op["security"].as_array().is_some_and(Vec::is_empty))
            .map(|(.., op)| op["operationId"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(open, ["login", "logout", "signUp", "checkUsername", "live", "ready"]);
    }

    #[test]
    fn named_enums_are_open() {
        let document: Value = serde_json::from_str(&spec()).unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        assert!(schemas.values().all(|schema| schema["enum"].is_null()));
        let open: Vec<_> = schemas.iter().filter(|(_, s)| s["x-extensible-enum"].is_array()).collect();
        assert_eq!(open.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Code", "Role"]);
        for (name, schema) in open {
            let values = schema["x-extensible-enum"].as_array().unwrap();
            assert!(schema["type"] == "string" && values.len() > 1, "{name}: {schema}");
            assert!(!values.contains(&"unknown".into()) && !values.contains(&"UNKNOWN".into()), "{name}");
        }
    }

    #[test]
    fn media_types_have_no_parameters() {
        assert!(!spec().contains("charset"));
    }
}
