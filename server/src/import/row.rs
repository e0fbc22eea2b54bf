//! One document of the original's, read leniently: it was written by several versions of a program, and by hand.

use std::str::FromStr;

use mongodb::bson::{Binary, Bson, Document, RawDocumentBuf, oid::ObjectId};
use ro_co_shared::Timestamp;

use super::{ids, report::Why};

/// A document and its id.
pub(super) struct Row {
    /// The id.
    pub(super) id: ObjectId,
    fields: Document,
}

/// A document that is no row: what its id looks like, and why.
pub(super) type NoRow = (String, Why);

impl Row {
    /// Reads a document as it came.
    pub(super) fn read(raw: &RawDocumentBuf) -> Result<Self, NoRow> {
        let shown = || match raw.get("_id") {
            Ok(Some(id)) => Bson::try_from(id).map_or_else(|_| "?".into(), |id| show(&id)),
            _ => "?".into(),
        };
        let fields = Document::try_from(raw).map_err(|_| (shown(), Why::Unreadable))?;
        let id = fields.get("_id").and_then(object_id).ok_or_else(|| (shown(), Why::NoId))?;
        Ok(Self { id, fields })
    }

    /// A text, if there is one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get_str(name).ok()
    }

    /// Whether a mark is set: also as a number or a text, for to overlook that a row was deleted would publish it.
    pub(super) fn flag(&self, name: &str) -> bool {
        match self.fields.get(name) {
            Some(Bson::Boolean(set)) => *set,
            Some(Bson::Int32(number)) => *number != 0,
            Some(Bson::Int64(number)) => *number != 0,
            Some(Bson::Double(number)) => *number != 0.0,
            Some(Bson::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// The row that a field refers to: by its id, a `DBRef`, the id in hexadecimal, or the row itself.
    pub(super) fn reference(&self, name: &str) -> Option<ObjectId> {
        match self.fields.get(name)? {
            Bson::Document(target) => target.get("$id").or_else(|| target.get("_id")).and_then(object_id),
            id => object_id(id),
        }
    }

    /// When the row was made: an `ISODate`, milliseconds or ISO 8601 (UTC where it names no offset). `Err` has the
    /// time of the id, where there is no such thing, or it lies before the original's days or after `now`.
    pub(super) fn created_at(&self, now: Timestamp) -> Result<Timestamp, Timestamp> {
        /// The first day of 2015: no Ro-Co is older.
        const FIRST: Timestamp = Timestamp(1_420_070_400_000);
        let given = match self.fields.get("createdAt") {
            Some(Bson::DateTime(time)) => Some(time.timestamp_millis()),
            Some(Bson::Int64(millis)) => Some(*millis),
            #[expect(clippy::cast_possible_truncation, reason = "what is out of range is refused below")]
            Some(Bson::Double(millis)) => Some(*millis as i64),
            Some(Bson::String(text)) => moment(text),
            _ => None,
        };
        given
            .map(Timestamp)
            .filter(|time| (FIRST..=now).contains(time))
            .ok_or_else(|| ids::time(self.id).min(now))
    }

    /// A picture: binary, or a text.
    pub(super) fn picture(&self) -> Option<&str> {
        if self.fields.get_bool("hasImage").is_ok_and(|has| !has) {
            return None;
        }
        match self.fields.get("image")? {
            Bson::Binary(Binary { bytes, .. }) => Some(std::str::from_utf8(bytes).unwrap_or_default()),
            Bson::String(text) => Some(text.as_str()),
            Bson::Null => None,
            _ => Some(""),
        }
    }
}

fn object_id(value: &Bson) -> Option<ObjectId> {
    match value {
        Bson::ObjectId(id) => Some(*id),
        Bson::String(hex) => ObjectId::parse_str(hex).ok(),
        _ => None,
    }
}

/// An id of any type in a few characters that do no harm to a terminal.
fn show(id: &Bson) -> String {
    let text = match id {
        Bson::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).take(64).collect()
}

fn moment(text: &str) -> Option<i64> {
    let time = jiff::Timestamp::from_str(text).or_else(|_| {
        let local = jiff::civil::DateTime::from_str(text)?;
        jiff::tz::Offset::UTC.to_timestamp(local)
    });
    time.ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime, doc, rawdoc};

    use super::*;

    const NOW: Timestamp = Timestamp(1_763_817_727_123);

    fn id() -> ObjectId {
        ObjectId::parse_str("5f8f1e2c9b3e4a0017c2d4e6").unwrap()
    }

    fn row(mut fields: Document) -> Row {
        fields.insert("_id", id());
        Row::read(&RawDocumentBuf::try_from(&fields).unwrap()).ok().unwrap()
    }

    #[test]
    fn references_of_every_kind() {
        let other = ObjectId::new();
        for value in [
            Bson::ObjectId(other),
            Bson::String(other.to_hex()),
            doc! {"$ref": "User", "$id": other}.into(),
            doc! {"$ref": "User", "$id": other, "$db": "ro-co"}.into(),
            doc! {"_id": other, "displayName": "embedded"}.into(),
        ] {
            assert_eq!(row(doc! {"author": value.clone()}).reference("author"), Some(other), "{value}");
        }
        for value in [Bson::Null, Bson::Int32(7), "7".into(), doc! {"$ref": "User"}.into()] {
            assert_eq!(row(doc! {"author": value.clone()}).reference("author"), None, "{value}");
        }
        assert_eq!(row(doc! {}).reference("author"), None);
    }

    #[test]
    fn times_of_every_kind() {
        let time = Timestamp(1_614_852_672_500);
        for value in [
            Bson::DateTime(DateTime::from_millis(time.0)),
            Bson::Int64(time.0),
            Bson::Double(1_614_852_672_500.0),
            "2021-03-04T10:11:12.5Z".into(),
            "2021-03-04T11:11:12.500+01:00".into(),
            "2021-03-04T10:11:12.500".into(),
        ] {
            assert_eq!(row(doc! {"createdAt": value.clone()}).created_at(NOW), Ok(time), "{value}");
        }
    }

    #[test]
    fn no_time_is_the_time_of_the_id() {
        for value in [
            Bson::Null,
            Bson::Int32(1_614_852_672),
            Bson::Int64(1_614_852_672),
            Bson::Int64(NOW.0 + 1),
            Bson::Double(f64::NAN),
            Bson::Double(f64::INFINITY),
            "yesterday".into(),
            "9999-12-31T23:59:59Z".into(),
            "0001-01-01T00:00:00".into(),
        ] {
            assert_eq!(
                row(doc! {"createdAt": value.clone()}).created_at(NOW),
                Err(ids::time(id())),
                "{value}"
            );
        }
        assert_eq!(row(doc! {}).created_at(Timestamp(5)), Err(Timestamp(5)), "never after now");
    }

    #[test]
    fn marks() {
        for set in [Bson::Boolean(true), Bson::Int32(1), Bson::Int64(-1), Bson::Double(1.0), "True".into()] {
            assert!(row(doc! {"deleted": set.clone()}).flag("deleted"), "{set}");
        }
        for set in [Bson::Boolean(false), Bson::Int32(0), Bson::Double(0.0), "yes".into(), Bson::Null] {
            assert!(!row(doc! {"deleted": set.clone()}).flag("deleted"), "{set}");
        }
        assert!(!row(doc! {}).flag("deleted"));
    }

    #[test]
    fn pictures() {
        let binary = |bytes: &[u8]| {
            Bson::Binary(Binary {
                subtype: mongodb::bson::spec::BinarySubtype::Generic,
                bytes: bytes.to_vec(),
            })
        };
        assert_eq!(row(doc! {"image": binary(b"<svg/>")}).picture(), Some("<svg/>"));
        assert_eq!(row(doc! {"image": "<svg/>", "hasImage": true}).picture(), Some("<svg/>"));
        assert_eq!(
            row(doc! {"image": binary(&[0x89, 0xff])}).picture(),
            Some(""),
            "there is one, and it is none"
        );
        assert_eq!(row(doc! {"image": binary(b"<svg/>"), "hasImage": false}).picture(), None);
        assert_eq!(row(doc! {"image": Bson::Null}).picture(), None);
        assert_eq!(row(doc! {}).picture(), None);
    }

    #[test]
    fn documents_that_are_no_rows() {
        let read = |raw: RawDocumentBuf| Row::read(&raw).err();
        assert_eq!(read(rawdoc! {"_id": "by hand\u{1b}"}), Some(("by hand?".into(), Why::NoId)));
        assert_eq!(read(rawdoc! {"_id": 7}), Some(("7".into(), Why::NoId)));
        assert_eq!(read(rawdoc! {}), Some(("?".into(), Why::NoId)));
        let mut bytes = rawdoc! {"_id": id(), "title": "ABCD"}.into_bytes();
        let place = bytes.windows(4).position(|four| four == b"ABCD").unwrap();
        bytes[place] = 0xff;
        let broken = RawDocumentBuf::from_bytes(bytes).unwrap();
        let (shown, why) = read(broken).unwrap();
        assert!(shown.contains("5f8f1e2c9b3e4a0017c2d4e6") && why == Why::Unreadable, "{shown}");
    }
}
