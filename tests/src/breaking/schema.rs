//! What a change of a schema breaks.

use serde_json::Value;

use super::{Comparison, Way, map, texts};

/// Keywords that set an upper or a lower bound.
const UPPER: [&str; 3] = ["maxLength", "maximum", "maxItems"];
const LOWER: [&str; 3] = ["minLength", "minimum", "minItems"];

impl Comparison<'_> {
    /// Compares two schemas, inline or by name, of values that go this way.
    pub(super) fn schema(&mut self, subject: &str, (old, new): (&Value, &Value), way: Way) {
        let (old_name, new_name) = (name(old), name(new));
        let subject = old_name.unwrap_or(subject);
        if let Some(old_name) = old_name {
            if let Some(new_name) = new_name.filter(|n| *n != old_name) {
                self.note(old_name, &format!("became `{new_name}`"));
            }
            if !self.seen.insert((old_name.to_owned(), way)) {
                return;
            }
        }
        let (old, new) = (resolved(old, self.old), resolved(new, self.new));
        self.limits(subject, (&old, &new), way);
        self.values(subject, (&old, &new), way);
        self.fields(subject, (&old, &new), way);
        if !old["items"].is_null() {
            self.schema(subject, (&old["items"], &new["items"]), way);
        }
    }

    fn limits(&mut self, subject: &str, (old, new): (&Value, &Value), way: Way) {
        if old["type"] != new["type"] {
            self.note(subject, &format!("was {} and is {}", old["type"], new["type"]));
        }
        for keyword in ["oneOf", "anyOf", "allOf"].into_iter().filter(|k| old[k] != new[k]) {
            self.note(subject, &format!("is composed differently ({keyword})"));
        }
        for keyword in ["format", "pattern"] {
            let narrower = if way == Way::In { &new[keyword] } else { &old[keyword] };
            if old[keyword] != new[keyword] && !narrower.is_null() {
                self.note(subject, &format!("has another {keyword}"));
            }
        }
        for (keywords, absent) in [(UPPER, f64::INFINITY), (LOWER, f64::NEG_INFINITY)] {
            for keyword in keywords {
                let limit = |schema: &Value| schema[keyword].as_f64().unwrap_or(absent);
                let (wide, narrow) = if way == Way::In { (old, new) } else { (new, old) };
                let breaks =
                    if absent > 0.0 { limit(narrow) < limit(wide) } else { limit(narrow) > limit(wide) };
                if breaks {
                    self.note(subject, &format!("has another {keyword}"));
                }
            }
        }
    }

    fn values(&mut self, subject: &str, (old, new): (&Value, &Value), way: Way) {
        let (allowed, used) = if way == Way::In { (new, old) } else { (old, new) };
        if allowed["enum"].is_null() {
            return;
        }
        if used["enum"].is_null() {
            self.note(subject, "has another set of values");
        }
        for value in texts(&used["enum"]).difference(&texts(&allowed["enum"])) {
            let verb = if way == Way::In { "may no longer be" } else { "may now be" };
            self.note(subject, &format!("{verb} {value}"));
        }
    }

    fn fields(&mut self, subject: &str, (old, new): (&Value, &Value), way: Way) {
        for (field, schema) in map(&old["properties"]) {
            match &new["properties"][field] {
                Value::Null => self.note(subject, &format!("has no {field}")),
                changed => self.schema(&format!("{subject}` `{field}"), (schema, changed), way),
            }
        }
        let (before, after) = (texts(&old["required"]), texts(&new["required"]));
        if way == Way::In {
            for field in after.difference(&before) {
                self.note(subject, &format!("demands {field}"));
            }
            if new["additionalProperties"] == false && old["additionalProperties"] != false {
                self.note(subject, "takes no other fields");
            }
        } else {
            for field in before.difference(&after) {
                self.note(subject, &format!("may lack {field}"));
            }
        }
    }
}

fn name(schema: &Value) -> Option<&str> {
    Some(schema["$ref"].as_str()?.rsplit_once('/')?.1)
}

fn resolved(schema: &Value, document: &Value) -> Value {
    name(schema).map_or(schema, |name| &document["components"]["schemas"][name]).clone()
}
