//! Validates requests and responses against `openapi.json`.

use jsonschema::Draft;
use serde_json::{Map, Value, json};

use crate::{node::openapi, recorder::Exchange};

/// Headers of HTTP itself, not of an operation.
const OF_HTTP: [&str; 7] =
    ["host", "connection", "accept", "accept-encoding", "user-agent", "content-type", "content-length"];

/// The OpenAPI document.
pub struct Contract(Value);

impl Contract {
    /// The one at the top of the workspace.
    pub fn load() -> Self {
        let text = std::fs::read_to_string(openapi()).unwrap();
        for word in ["\"nullable\"", "\"exclusiveMinimum\"", "\"exclusiveMaximum\""] {
            assert!(!text.contains(word), "{word} is not JSON Schema's");
        }
        Self(serde_json::from_str(&text).unwrap())
    }

    /// The operation for this method and path, with the values of the path's parameters.
    fn operation(&self, method: &str, path: &str) -> Option<(&Value, Vec<(String, String)>)> {
        let paths = self.0["paths"].as_object()?;
        // A literal segment takes precedence over a parameter.
        let exact = paths.get_key_value(path).into_iter();
        let candidates = exact.chain(paths.iter()).filter_map(|(template, methods)| {
            Some((methods.get(method.to_ascii_lowercase())?, values(template, path)?))
        });
        candidates.into_iter().next()
    }

    /// The id of the requested operation, if there is one.
    pub fn operation_id(&self, exchange: &Exchange) -> Option<&str> {
        let path = exchange.target.split('?').next()?;
        self.operation(&exchange.method, path)?.0["operationId"].as_str()
    }

    /// All violations in an exchange.
    pub fn findings(&self, exchange: &Exchange) -> Vec<String> {
        let (path, query) = exchange.target.split_once('?').unwrap_or((&exchange.target, ""));
        let at = format!("{} {path}", exchange.method);
        let Some((operation, in_path)) = self.operation(&exchange.method, path) else {
            return vec![format!("{at} is not described")];
        };
        let mut found = self.parameters(operation, exchange, query, &in_path);
        found.extend(self.request_body(operation, exchange));
        found.extend(self.reply(operation, exchange));
        found.into_iter().map(|what| format!("{at}: {what}")).collect()
    }

    fn parameters(
        &self,
        operation: &Value,
        exchange: &Exchange,
        query: &str,
        in_path: &[(String, String)],
    ) -> Vec<String> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let in_query = pairs.map(|(name, value)| (name.to_owned(), decoded(value)));
        let in_header =
            exchange.headers.iter().filter(|(name, _)| !OF_HTTP.contains(&name.as_str())).cloned();
        let given: Vec<_> = (in_path.iter().cloned().map(|(n, v)| ("path", n, v)))
            .chain(in_query.map(|(n, v)| ("query", n, v)))
            .chain(in_header.map(|(n, v)| ("header", n, v)))
            .collect();
        let described = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is = |parameter: &Value, place: &str, name: &str| {
            parameter["in"] == place
                && parameter["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name))
        };
        let secured = operation["security"].as_array().is_some_and(|s| !s.is_empty());
        let mut found = Vec::new();
        for (place, name, value) in &given {
            match described.iter().find(|parameter| is(parameter, place, name)) {
                Some(parameter) => {
                    let value = typed(&parameter["schema"], value);
                    found.extend(self.violations(&parameter["schema"], &value, name));
                }
                None if *place == "header" && name == "authorization" && secured => {}
                None => found.push(format!("the {place} {name} is not described")),
            }
        }
        let missing = described
            .iter()
            .filter(|p| p["required"] == true && !given.iter().any(|(place, name, _)| is(p, place, name)));
        found.extend(missing.map(|p| format!("the required {} is missing", p["name"])));
        found
    }

    fn request_body(&self, operation: &Value, exchange: &Exchange) -> Vec<String> {
        let described = &operation["requestBody"];
        if exchange.body.is_empty() {
            let missing = described["required"] == true;
            return missing.then(|| "the body is missing".to_owned()).into_iter().collect();
        }
        let kind = exchange.headers.iter().find(|(name, _)| name == "content-type");
        let kind = kind.map(|(_, value)| value.as_str()).unwrap_or_default();
        self.content(&described["content"], kind, &exchange.body, "the request")
    }

    fn reply(&self, operation: &Value, exchange: &Exchange) -> Vec<String> {
        let reply = &exchange.reply;
        let described = &operation["responses"][reply.status.to_string()];
        if described.is_null() {
            return vec![format!("{} is not described: {}", reply.status, reply.text())];
        }
        let what = format!("the answer {}", reply.status);
        let mut found = Vec::new();
        for (name, header) in described["headers"].as_object().into_iter().flat_map(Map::iter) {
            match reply.header(&name.to_ascii_lowercase()) {
                Some(value) => {
                    found.extend(self.violations(&header["schema"], &typed(&header["schema"], value), name));
                }
                None if header["required"] == true => found.push(format!("{what} has no {name}")),
                None => {}
            }
        }
        if described["content"].is_null() {
            found.extend((!reply.body.is_empty()).then(|| format!("{what} has a body")));
        } else {
            let kind = reply.header("content-type").unwrap_or_default();
            found.extend(self.content(&described["content"], kind, &reply.body, &what));
        }
        found
    }

    fn content(&self, described: &Value, kind: &str, body: &[u8], what: &str) -> Vec<String> {
        let schema = &described[kind]["schema"];
        if schema.is_null() {
            return vec![format!("{what} has a body of type {kind:?}, which is not described")];
        }
        if schema["format"] == "binary" {
            return Vec::new();
        }
        match serde_json::from_slice(body) {
            Ok(value) => self.violations(schema, &value, what),
            Err(e) => vec![format!("{what} is not JSON: {e}")],
        }
    }

    /// How a value violates a schema of the document. The keywords used mean the same in `OpenAPI` 3.0 and in draft
    /// 2020-12, which defines the formats: [`Contract::load`] ensures that.
    fn violations(&self, schema: &Value, value: &Value, what: &str) -> Vec<String> {
        let whole = json!({"allOf": [schema], "components": self.0["components"]});
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let validator = options.build(&whole).unwrap();
        let errors = validator.iter_errors(value);
        errors.map(|e| format!("{what}, {}: {e}", e.instance_path())).collect()
    }
}

/// The parameters of a path by its template.
fn values(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (template, path) = (template.split('/'), path.split('/'));
    if template.clone().count() != path.clone().count() {
        return None;
    }
    let mut values = Vec::new();
    for (pattern, segment) in template.zip(path) {
        match pattern.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(name) => values.push((name.to_owned(), decoded(segment))),
            None if pattern == segment => {}
            None => return None,
        }
    }
    Some(values)
}

/// A parameter's text as a value of its schema's type.
fn typed(schema: &Value, text: &str) -> Value {
    match schema["type"].as_str() {
        Some("integer" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        _ => text.into(),
    }
}

/// Decodes a query.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(&String::from_utf8_lossy(&digits), 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
