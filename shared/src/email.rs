//! Which email addresses can be chosen, and what they are compared by.

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization;

use crate::{
    canonical::{email_canonical, fold_case},
    input::Invalid,
    text::{Rule, check_length, code_point, refuse_controls, text},
    unicode::is_hidden,
};

text!(
    /// An email address in NFC, otherwise as typed (RFC 5321 lengths; the domain has at least one dot).
    Email, 6..=254, format "email" => |text| {
        let email: String = text.nfc().collect();
        check_shape(&email)?;
        if let Some(c) = email.chars().find(|c| is_hidden(*c)) {
            return Err(Invalid(format!("must not contain invisible characters: remove {}", code_point(c))));
        }
        email_canonical(&email).ok_or_else(not_an_email_address)?;
        Ok(email)
    }
);

fn not_an_email_address() -> Invalid {
    Invalid::new("is not an email address (expected: name@example.org)")
}

fn check_shape(email: &str) -> Result<(), Invalid> {
    // Too short is no address at all; too long is told as such, and before it is parsed.
    check_length::<Email>(email)
        .map_err(|why| if email.len() < Email::MIN { not_an_email_address() } else { why })?;
    let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
    EmailAddress::parse_with_options(email, options).map_err(|_| not_an_email_address())?;
    refuse_controls(email, &[])
}

impl Email {
    /// The email address of an account that exists elsewhere: without invisible characters; where no domain has such a
    /// name, as it is. `None` for what has not the shape of an address.
    pub fn mended(text: &str) -> Option<Self> {
        let visible: String = text.trim().nfc().filter(|c| !is_hidden(*c)).collect();
        visible.parse().ok().or_else(|| check_shape(&visible).is_ok().then_some(Self(visible)))
    }

    /// The comparison key of the previous release: two addresses that differ in case only have one.
    pub fn key(&self) -> String {
        fold_case(&self.0)
    }

    /// The comparison key, see [`email_canonical`]; always there for an address that was checked.
    pub fn canonical(&self) -> Option<String> {
        email_canonical(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn email_addresses() {
        for good in [
            "a.b+c@stud.th-rosenheim.de",
            "x@y.zz",
            "o'brien@example.org",
            "ada@bücher.example",
            "ada@xn--bcher-kva.example",
            "józef@przykład.example",
        ] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "no-at-sign",
            "a@b",
            "@example.org",
            "a@example.org\n",
            "Ada <a@example.org>",
            "a@[127.0.0.1]",
            "ada@xn--a.example",
            "a\u{200B}da@example.org",
            "ada@exam\u{AD}ple.org",
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
        assert!(format!("{}@example.org", "a".repeat(65)).parse::<Email>().is_err());
        assert!(format!("a@{}.org", "b".repeat(260)).parse::<Email>().is_err());
    }

    #[test]
    fn an_email_address_is_kept_in_nfc() {
        let email: Email = "jose\u{301}@bu\u{308}cher.example".parse().unwrap();
        assert_eq!(email.as_str(), "josé@bücher.example");
    }

    #[test]
    fn an_imported_address_is_mended() {
        let mended = |text: &str| Email::mended(text).map(|email| email.to_string());
        assert_eq!(mended(" a\u{200B}da@example.org\n"), Some("ada@example.org".into()));
        assert_eq!(mended("ada@xn--a.example"), Some("ada@xn--a.example".into()));
        assert_eq!(mended("ada"), None);
    }

    proptest! {
        #[test]
        fn an_accepted_address_has_a_key_and_stays_itself(
            text in "[a-zA-Z0-9.+ßéжλ\u{301}\u{200B}]{1,12}@[a-zA-Z0-9ßüж\u{308}。-]{1,12}\\.[a-z]{2,5}|\\PC{6,40}"
        ) {
            let Ok(email) = text.parse::<Email>() else { return Ok(()) };
            prop_assert_eq!(email.as_str().parse::<Email>(), Ok(email.clone()));
            let canonical = email.canonical().unwrap();
            prop_assert_eq!(email_canonical(&canonical), Some(canonical.clone()), "a key is its own key");
            prop_assert_eq!(Email::unchecked(email.as_str().to_lowercase()).canonical(), Some(canonical));
        }
    }
}
