//! The keys by which names and email addresses are compared: equal keys, one name or one address.

use std::borrow::Cow;

use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};
use unicode_normalization::UnicodeNormalization;

/// The version of the Unicode tables and rules behind [`username_skeleton`] and [`email_canonical`]. A store keeps the
/// version its keys were computed with and computes them anew when it differs.
pub const TEXT_VERSION: u32 = 1;

/// What names are compared by: the confusable skeleton (UTS 39) of the name in NFKC, in one case and with runs of spaces
/// joined. Two names that look alike have one skeleton: `ada` and `аda` with a Cyrillic `а`.
///
/// Any text has one, also a name that no rule of this version would accept; it may be empty. It is for comparing only, never to be shown.
pub fn username_skeleton(name: &str) -> String {
    let folded = fold_case(&name.nfkc().collect::<String>());
    let skeleton: String = unicode_security::skeleton(&folded).collect();
    skeleton.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What email addresses are compared by: the part before the last `@` in NFC and lower case, and the domain as DNS has
/// it (UTS 46, non-transitional): `Ada@bücher.example` and `ada@xn--bcher-kva.example` are one address,
/// `ada@straße.example` and `ada@strasse.example` are two.
///
/// `None` where the text has no `@` or nothing before it, or where the domain is no domain name.
pub fn email_canonical(email: &str) -> Option<String> {
    let (mailbox, domain) = email.rsplit_once('@')?;
    if mailbox.is_empty() {
        return None;
    }
    let domain = domain_to_ascii(domain)?;
    Some(format!("{}@{domain}", lower_case(mailbox)))
}

fn domain_to_ascii(domain: &str) -> Option<Cow<'_, str>> {
    Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::Verify).ok()
}

/// Character by character, so that no character depends on its neighbours as a final `ς` does in
/// [`str::to_lowercase`]; `ß` stays what it is.
fn lower_case(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).nfc().collect()
}

/// Upper case first brings `ß` and `SS`, `ς` and `σ` together; NFKC undoes what case mapping took apart.
pub(crate) fn fold_case(text: &str) -> String {
    text.to_uppercase().to_lowercase().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_name(a: &str, b: &str) -> bool {
        username_skeleton(a) == username_skeleton(b)
    }

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for (a, b) in [
            ("ada", "аda"),
            ("ADA", "аdа"),
            ("Straße", "STRASSE"),
            ("ＦＵＬＬ", "full"),
            ("ada", "ada\u{3164}"),
            ("a\u{200b}da", "a\u{ad}da"),
            ("paypal", "pаypaӏ"),
            ("modern", "modem"),
            ("ada  lovelace", "ada lovelace"),
            ("Žofie", "Z\u{30c}ofie"),
        ] {
            assert!(one_name(a, b), "{a:?} {b:?}: {:?} {:?}", username_skeleton(a), username_skeleton(b));
        }
        for (a, b) in
            [("ada", "adam"), ("ada", "a da"), ("Müller", "Muller"), ("विक्रम", "विकरम"), ("李", "季")]
        {
            assert!(!one_name(a, b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_name_of_nothing_but_fillers_has_an_empty_skeleton() {
        assert_eq!(username_skeleton("\u{3164}\u{3164}\u{3164}"), "");
        assert_eq!(username_skeleton(""), "");
    }

    #[test]
    fn domains_compare_as_dns_has_them() {
        for (a, b) in [
            ("ada@bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@BÜCHER.example", "Ada@bu\u{308}cher.EXAMPLE"),
            ("ada@bücher。example", "ada@bücher.example"),
            ("jos\u{e9}@example.org", "JOSE\u{301}@example.org"),
            ("ΣΊΣΥΦΟΣ@example.org", "σίσυφος@example.org"),
            ("\"a@b\"@example.org", "\"A@b\"@example.org"),
        ] {
            assert_eq!(email_canonical(a), email_canonical(b), "{a} {b}");
            assert!(email_canonical(a).is_some(), "{a}");
        }
        for (a, b) in [
            ("ada@strasse.de", "ada@straße.de"),
            ("strasse@example.org", "straße@example.org"),
            ("ada@example.org", "a.da@example.org"),
            ("ﬁsh@example.org", "fish@example.org"),
        ] {
            assert_ne!(email_canonical(a), email_canonical(b), "{a} {b}");
        }
        assert_eq!(email_canonical("Ada@bücher.example").as_deref(), Some("ada@xn--bcher-kva.example"));
    }

    #[test]
    fn what_is_no_address_has_no_key() {
        for text in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@exa mple.org",
            "ada@xn--a\u{fc}.example",
            "ada@a..b",
            "ada@xn--a.example",
        ] {
            assert_eq!(email_canonical(text), None, "{text:?}");
        }
        assert_eq!(email_canonical(&format!("ada@{}.org", "b".repeat(64))), None);
    }

    /// FNV-1a over the keys of every assigned plane: a few lines that give the same number on every machine.
    fn digest(key: impl Fn(char) -> String) -> u64 {
        let planes = (0..0x3_3480).chain(0xE_0000..0xE_1000).filter_map(char::from_u32);
        planes
            .flat_map(|c| key(c).into_bytes())
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// Stored keys were computed with these tables. Where this fails after an update, raise [`TEXT_VERSION`] and write
    /// the new numbers here: the stores then compute their keys anew.
    #[test]
    fn the_version_says_which_tables_the_keys_come_from() {
        let names = digest(|c| username_skeleton(c.encode_utf8(&mut [0; 4])));
        let mailboxes = digest(|c| email_canonical(&format!("{c}x@a.bc")).unwrap_or_default());
        let domains = digest(|c| email_canonical(&format!("x@a{c}.bc")).unwrap_or_default());
        assert_eq!(
            (TEXT_VERSION, names, mailboxes, domains),
            (1, 15_146_798_041_971_383_470, 16_044_100_390_802_632_793, 9_162_848_345_326_900_403)
        );
    }
}
