//! Breaking changes between two versions of `openapi.json`: for clients in use, and for code that uses a generated client.
//!
//! Requests may be widened and responses narrowed; everything else is breaking. Each finding begins with its subject in
//! backticks: an operation's id or a schema's name.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map, Value};

mod schema;

/// Which way a value goes: into the server, or out of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Way {
    In,
    Out,
}

/// All breaking changes between two documents.
pub fn breaks(old: &Value, new: &Value) -> BTreeSet<String> {
    let mut comparison = Comparison { old, new, seen: HashSet::new(), found: BTreeSet::new() };
    for (path, methods) in map(&old["paths"]) {
        for (method, operation) in map(methods) {
            let id = operation["operationId"].as_str().unwrap_or(path);
            match &new["paths"][path][method] {
                Value::Null => comparison.note(id, &format!("is gone from {method} {path}")),
                changed => comparison.operation(id, operation, changed),
            }
        }
    }
    comparison.found
}

/// The members of an object; empty for other values.
fn map(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// The strings of an array.
fn texts(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    /// Schemas by name, as a schema may contain itself.
    seen: HashSet<(String, Way)>,
    found: BTreeSet<String>,
}

impl Comparison<'_> {
    fn note(&mut self, subject: &str, what: &str) {
        self.found.insert(format!("`{subject}` {what}"));
    }

    fn operation(&mut self, id: &str, old: &Value, new: &Value) {
        if old["operationId"] != new["operationId"] {
            self.note(id, &format!("is now called {}", new["operationId"]));
        }
        if old["security"] != new["security"] {
            self.note(id, "takes other credentials");
        }
        self.parameters(id, old, new);
        self.body(id, &old["requestBody"], &new["requestBody"]);
        self.responses(id, &old["responses"], &new["responses"]);
    }

    fn parameters(&mut self, id: &str, old: &Value, new: &Value) {
        let (old, new) = (parameters(old), parameters(new));
        for (key, parameter) in &old {
            let Some(changed) = new.get(key) else {
                self.note(id, &format!("no longer knows the {} {}", key.0, key.1));
                continue;
            };
            self.schema(id, (&parameter["schema"], &changed["schema"]), Way::In);
        }
        let demanded = |of: &Parameters<'_>, key| of.get(key).is_some_and(|p| p["required"] == true);
        for key in new.keys().filter(|key| demanded(&new, key) && !demanded(&old, key)) {
            self.note(id, &format!("demands the {} {}", key.0, key.1));
        }
    }

    fn body(&mut self, id: &str, old: &Value, new: &Value) {
        if new["required"] == true && old["required"] != true {
            self.note(id, "demands a body");
        }
        for (kind, content) in map(&old["content"]) {
            match &new["content"][kind] {
                Value::Null => self.note(id, &format!("no longer takes {kind}")),
                changed => self.schema(id, (&content["schema"], &changed["schema"]), Way::In),
            }
        }
    }

    fn responses(&mut self, id: &str, old: &Value, new: &Value) {
        for (status, response) in map(old) {
            let changed = &new[status];
            if changed.is_null() {
                self.note(id, &format!("no longer describes {status}"));
                continue;
            }
            for (kind, content) in map(&response["content"]) {
                match &changed["content"][kind] {
                    Value::Null => self.note(id, &format!("no longer answers {status} with {kind}")),
                    changed => self.schema(id, (&content["schema"], &changed["schema"]), Way::Out),
                }
            }
            self.headers(id, status, (response, changed));
        }
        for (status, _) in map(new).filter(|(status, _)| status.starts_with('2')) {
            if old[status].is_null() {
                self.note(id, &format!("may succeed with {status}"));
            }
        }
    }

    fn headers(&mut self, id: &str, status: &str, (old, new): (&Value, &Value)) {
        for (name, header) in map(&old["headers"]) {
            let same = map(&new["headers"]).find(|(n, _)| n.eq_ignore_ascii_case(name));
            match same {
                None => self.note(id, &format!("no longer sends {name} with {status}")),
                Some((_, changed)) => self.schema(id, (&header["schema"], &changed["schema"]), Way::Out),
            }
        }
    }
}

/// The parameters of an operation by place and name.
type Parameters<'a> = BTreeMap<(String, String), &'a Value>;

fn parameters(operation: &Value) -> Parameters<'_> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.map(|p| ((text(&p["in"]), text(&p["name"])), p)).collect()
}
