//! From an `ObjectId` to the id of the same row here: always the same one, so that a second run finds its own rows.

use mongodb::bson::oid::ObjectId;
use ro_co_shared::Timestamp;
use uuid::{Builder, Uuid};

use super::Kind;

/// Marks ids that were made here, in the ten bits that are left over; with the kind, for an `ObjectId` may be that of
/// a user and of a question.
const MARK: u16 = 0x2c0;

/// The UUID of a row: version 8 (RFC 9562), laid out like version 7, so that it sorts by its time among the others.
///
/// | bits | what |
/// | --- | --- |
/// | 48 | the time of the `ObjectId` in milliseconds; it knows seconds |
/// | 4 | the version, 8 |
/// | 10 | [`MARK`] and the kind |
/// | 2 | the first two bits of the `ObjectId`'s other eight bytes |
/// | 2 | the variant |
/// | 62 | the rest of them |
pub(super) fn uuid(kind: Kind, id: ObjectId) -> Uuid {
    let [s0, s1, s2, s3, rest @ ..] = id.bytes();
    let millis = u64::from(u32::from_be_bytes([s0, s1, s2, s3])) * 1000;
    let rest = u64::from_be_bytes(rest);
    let mark = (u64::from(MARK) | kind as u64) << 2 | rest >> 62;
    let high = millis << 16 | mark;
    // Version and variant are written over the bits left free for them.
    Builder::from_custom_bytes(Uuid::from_u64_pair(high, rest).into_bytes()).into_uuid()
}

/// When the `ObjectId` was made, by its own account.
pub(super) fn time(id: ObjectId) -> Timestamp {
    Timestamp(id.timestamp().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::{Variant, Version};

    use super::*;

    #[test]
    fn the_layout_is_for_ever() {
        let id = ObjectId::parse_str("5f8f1e2c9b3e4a0017c2d4e6").unwrap();
        assert_eq!(uuid(Kind::User, id).to_string(), "0175470d-dbe0-8b02-9b3e-4a0017c2d4e6");
        assert_eq!(uuid(Kind::Question, id).to_string(), "0175470d-dbe0-8b06-9b3e-4a0017c2d4e6");
        assert_eq!(uuid(Kind::Answer, id).to_string(), "0175470d-dbe0-8b0a-9b3e-4a0017c2d4e6");
        assert_eq!(time(id).to_string(), "2020-10-20T17:28:12.000Z");
    }

    proptest! {
        #[test]
        fn ids_keep_their_order_and_nothing_is_lost(a: [u8; 12], b: [u8; 12]) {
            let made = |bytes| uuid(Kind::Answer, ObjectId::from_bytes(bytes));
            prop_assert_eq!(a.cmp(&b), made(a).cmp(&made(b)));
            prop_assert_eq!(made(a).get_version(), Some(Version::Custom));
            prop_assert_eq!(made(a).get_variant(), Variant::RFC4122);
            prop_assert_ne!(uuid(Kind::User, ObjectId::from_bytes(a)), uuid(Kind::Question, ObjectId::from_bytes(a)));
        }
    }
}
