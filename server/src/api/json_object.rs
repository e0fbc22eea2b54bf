//! A JSON object that knows which of its names came twice.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value};

/// A JSON object. Of a field that is given more than once most readers take the last value, and some the first: what a
/// proxy has checked and what is stored would not be the same.
pub(super) struct JsonObject {
    /// The fields, with the last value of each.
    pub(super) fields: Map<String, Value>,
    /// The names that were given more than once.
    pub(super) repeated: BTreeSet<String>,
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = JsonObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
        let mut object = JsonObject { fields: Map::new(), repeated: BTreeSet::new() };
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if object.fields.insert(name.clone(), value).is_some() {
                object.repeated.insert(name);
            }
        }
        Ok(object)
    }
}
