//! What is accepted, and the many things that are not.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp(1_763_817_727_000);
const MINUTE: i64 = 60_000;

fn secret(byte: u8) -> Secret {
    let bytes: [u8; 32] = std::array::from_fn(|n| byte.wrapping_add(u8::try_from(n).unwrap()));
    Secret::parse(&base64::prelude::BASE64_STANDARD.encode(bytes), "test").unwrap().remove(0)
}

fn keys() -> Keys {
    Keys::new(&[secret(1)]).unwrap()
}

/// A token with this header and these claims, signed with the access key as an attacker who has it could.
fn forge(header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &keys().access.active.1).unwrap()
}

fn good_header() -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".into());
    header.kid = Some(keys().access.active.0);
    header
}

fn good_claims() -> Value {
    let (now, id) = (NOW.0 / 1000, uuid::Uuid::nil());
    json!({"iss": "ro-co", "aud": "ro-co-api", "sub": id, "sid": id, "gen": 0, "iat": now, "exp": now + 60, "jti": "x"})
}

#[test]
fn what_we_sign_we_accept_until_it_expires() {
    let keys = keys();
    let (user, session) = (UserId::new(), SessionId::new());
    let token = keys.sign_access(user, session, 3, NOW, 15 * MINUTE).unwrap();
    let claims = keys.verify_access(&token, NOW).unwrap();
    assert_eq!((claims.sub, claims.sid, claims.generation), (user, session, 3));
    assert!(keys.verify_access(&token, NOW.plus_millis(15 * MINUTE + 29_000)).is_ok(), "within the leeway");
    assert_eq!(
        keys.verify_access(&token, NOW.plus_millis(15 * MINUTE + 31_000)).unwrap_err(),
        TokenError::Expired
    );
    assert_eq!(
        keys.verify_access(&token, NOW.plus_millis(-MINUTE)).unwrap_err(),
        TokenError::Forged,
        "from the future"
    );
}

#[test]
fn the_forgers_own_template_is_good() {
    // Otherwise the refusals below would prove nothing.
    assert!(keys().verify_access(&forge(&good_header(), &good_claims()), NOW).is_ok());
}

#[test]
fn headers_that_lie_are_refused() {
    let lies: [fn(&mut Header); 7] = [
        |h| h.typ = Some("rt+jwt".into()),
        |h| h.typ = None,
        |h| h.kid = None,
        |h| h.kid = Some("another-key".into()),
        |h| h.crit = Some(vec!["exp".into()]),
        |h| h.jku = Some("https://evil.example/keys".into()),
        |h| h.x5u = Some("https://evil.example/cert".into()),
    ];
    for (n, lie) in lies.into_iter().enumerate() {
        let mut header = good_header();
        lie(&mut header);
        assert_eq!(
            keys().verify_access(&forge(&header, &good_claims()), NOW).unwrap_err(),
            TokenError::Forged,
            "lie {n}"
        );
    }
}

#[test]
fn claims_that_are_missing_or_of_the_wrong_kind_are_refused() {
    for field in ["iss", "aud", "sub", "exp", "sid", "gen"] {
        let mut claims = good_claims();
        claims.as_object_mut().unwrap().remove(field);
        assert!(keys().verify_access(&forge(&good_header(), &claims), NOW).is_err(), "without {field}");
        claims[field] = json!({});
        assert!(keys().verify_access(&forge(&good_header(), &claims), NOW).is_err(), "{field} is an object");
    }
    for (field, value) in [("iss", "other"), ("aud", "ro-co-refresh")] {
        let mut claims = good_claims();
        claims[field] = value.into();
        assert!(keys().verify_access(&forge(&good_header(), &claims), NOW).is_err(), "{field} is {value}");
    }
}

#[test]
fn a_token_is_refused_before_its_time() {
    let now = NOW.0 / 1000;
    for (nbf, accepted) in [(now, true), (now + 30, true), (now + 31, false), (i64::MAX, false), (0, true)] {
        let mut claims = good_claims();
        claims["nbf"] = nbf.into();
        let token = forge(&good_header(), &claims);
        assert_eq!(keys().verify_access(&token, NOW).is_ok(), accepted, "nbf {nbf}");
    }
    let mut claims = good_claims();
    claims["nbf"] = json!("tomorrow");
    assert!(keys().verify_access(&forge(&good_header(), &claims), NOW).is_err());

    let claims = json!({"iss": "ro-co", "aud": "ro-co-refresh", "sub": good_claims()["sub"], "sid": good_claims()["sid"], "gen": 0,
        "secret": BASE64_URL_SAFE_NO_PAD.encode([7; 32]), "exp": now + 600, "nbf": now + 60});
    let keys = keys();
    let header =
        Header { typ: Some("rt+jwt".into()), kid: Some(keys.refresh.active.0.clone()), ..good_header() };
    let token = jsonwebtoken::encode(&header, &claims, &keys.refresh.active.1).unwrap();
    assert!(keys.verify_refresh(&token, NOW).is_err());
    assert!(keys.verify_refresh(&token, NOW.plus_millis(MINUTE)).is_ok());
}

#[test]
fn other_algorithms_are_refused() {
    let keys = keys();
    let mut header = good_header();
    header.alg = Algorithm::HS256;
    // The classic: the public key, which anybody may know, as the secret of an HMAC.
    let pair =
        Ed25519KeyPair::from_seed_unchecked(secret(1).derive("ro-co/jwt/ed25519/v1").as_ref()).unwrap();
    let public = EncodingKey::from_secret(pair.public_key().as_ref());
    let confused = jsonwebtoken::encode(&header, &good_claims(), &public).unwrap();
    assert_eq!(keys.verify_access(&confused, NOW).unwrap_err(), TokenError::Forged);
    let encode = |v: &Value| BASE64_URL_SAFE_NO_PAD.encode(v.to_string());
    let none = json!({"alg": "none", "typ": "at+jwt", "kid": keys.access.active.0});
    assert!(keys.verify_access(&format!("{}.{}.", encode(&none), encode(&good_claims())), NOW).is_err());
}

#[test]
fn garbage_is_refused_at_any_length() {
    for garbage in ["", ".", "..", "a.b.c", "é.é.é", &"x".repeat(10_000_000)] {
        assert!(keys().verify_access(garbage, NOW).is_err());
        assert!(keys().verify_refresh(garbage, NOW).is_err());
    }
}

#[test]
fn the_two_kinds_do_not_pass_for_each_other() {
    let keys = keys();
    let access = keys.sign_access(UserId::new(), SessionId::new(), 0, NOW, MINUTE).unwrap();
    let refresh =
        keys.sign_refresh(UserId::new(), SessionId::new(), 0, &[7; 32], NOW.plus_millis(MINUTE)).unwrap();
    assert!(keys.verify_refresh(&access, NOW).is_err());
    assert!(keys.verify_access(&refresh, NOW).is_err());
}

#[test]
fn a_refresh_token_has_one_successor_and_is_signed_the_same_each_time() {
    let keys = keys();
    let (user, session) = (UserId::new(), SessionId::new());
    let sign = || keys.sign_refresh(user, session, 4, &[7; 32], NOW.plus_millis(MINUTE)).unwrap();
    assert_eq!(sign(), sign());
    let (_, secret, next) = keys.verify_refresh(&sign(), NOW).unwrap();
    assert_eq!((secret, keys.verify_refresh(&sign(), NOW).unwrap().2), ([7; 32], next));
    let other = keys.sign_refresh(user, session, 5, &[7; 32], NOW.plus_millis(MINUTE)).unwrap();
    assert_ne!(keys.verify_refresh(&other, NOW).unwrap().2, next, "the generation counts");
}

#[test]
fn a_rotated_secret_verifies_what_the_old_one_signed_until_it_is_removed() {
    let (old, both, new) = (
        Keys::new(&[secret(1)]).unwrap(),
        Keys::new(&[secret(2), secret(1)]).unwrap(),
        Keys::new(&[secret(2)]).unwrap(),
    );
    let (user, session) = (UserId::new(), SessionId::new());
    let access = old.sign_access(user, session, 0, NOW, MINUTE).unwrap();
    let refresh = old.sign_refresh(user, session, 0, &[7; 32], NOW.plus_millis(MINUTE)).unwrap();
    assert!(both.verify_access(&access, NOW).is_ok());
    assert_eq!(both.verify_refresh(&refresh, NOW).unwrap().2, old.verify_refresh(&refresh, NOW).unwrap().2);
    assert!(new.verify_access(&access, NOW).is_err() && new.verify_refresh(&refresh, NOW).is_err());
    assert!(new.verify_access(&both.sign_access(user, session, 0, NOW, MINUTE).unwrap(), NOW).is_ok());
}
