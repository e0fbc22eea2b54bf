//! Signing keys, and the two kinds of token they sign: Ed25519 JWTs that differ in `typ`, audience and key.

use std::collections::HashMap;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest, hmac, rand,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ro_co_shared::{SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::secret::{Secret, SecretError};

/// Who issues all tokens. A constant: each instance has its own keys, and a sign-in outlives a changed port.
const ISSUER: &str = "ro-co";
/// The clocks of two servers may differ by this much, in seconds.
const LEEWAY_SECONDS: i64 = 30;
/// The DER of an Ed25519 private key (RFC 8410) up to its 32 bytes of seed.
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// What an access token says. No role and no name: those are looked up, so that they are never stale for long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    iss: String,
    aud: String,
    /// The user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// The generation of the refresh token it was issued with.
    #[serde(rename = "gen")]
    pub generation: u32,
    iat: i64,
    /// Never set by this server; obeyed where another program with the key set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    jti: String,
}

impl AccessClaims {
    /// Whether its time is not over.
    pub fn is_current(&self, now: Timestamp) -> bool {
        check_times(self.exp, [Some(self.iat), self.nbf], now).is_ok()
    }
}

/// What a refresh token says. Nothing in it depends on the moment it is signed, so that repeating a refresh
/// gives the same token again.
#[derive(Clone, Serialize, Deserialize)]
pub struct RefreshClaims {
    iss: String,
    aud: String,
    /// The user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// How often the token was rotated before this one.
    #[serde(rename = "gen")]
    pub generation: u32,
    /// 256 bits, base64url: the store keeps their SHA-256 only.
    secret: String,
    /// Never set by this server; obeyed where another program with the key set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
}

/// A refresh token's secret.
pub type TokenSecret = [u8; 32];

/// Why a token is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenError {
    /// Not one of ours, or not of this kind.
    Forged,
    /// One of ours, but its time is over.
    Expired,
}

/// All keys: the first secret's sign, every secret's verify.
pub struct Keys {
    access: Ring,
    refresh: Ring,
    /// By the refresh key's id: what successors are derived with.
    next: HashMap<String, hmac::Key>,
    /// What cursors are signed with.
    cursor: hmac::Key,
    /// What they were signed with before the master secret was rotated.
    retired_cursors: Vec<hmac::Key>,
}

/// The tag of a cursor.
pub type CursorTag = [u8; 8];

/// One kind of token: its keys and what its tokens must say.
struct Ring {
    typ: &'static str,
    active: (String, EncodingKey),
    verify: HashMap<String, DecodingKey>,
    validation: Validation,
}

impl Keys {
    /// Derives all keys from the master secrets, the active one first.
    pub fn new(secrets: &[Secret]) -> Result<Self, SecretError> {
        let refresh = Ring::new("rt+jwt", "ro-co-refresh", "ro-co/rt/ed25519/v1", secrets)?;
        let next = secrets
            .iter()
            .map(|secret| {
                let (kid, ..) = ed25519(secret, "ro-co/rt/ed25519/v1")?;
                Ok((kid, hmac::Key::new(hmac::HMAC_SHA256, secret.derive("ro-co/rt/next/v1").as_ref())))
            })
            .collect::<Result<_, SecretError>>()?;
        let access = Ring::new("at+jwt", "ro-co-api", "ro-co/jwt/ed25519/v1", secrets)?;
        let cursor =
            |secret: &Secret| hmac::Key::new(hmac::HMAC_SHA256, secret.derive("ro-co/cursor/v1").as_ref());
        let (active, retired) =
            secrets.split_first().ok_or_else(|| SecretError::Malformed("no secret".into()))?;
        let retired_cursors = retired.iter().map(cursor).collect();
        Ok(Self { access, refresh, next, cursor: cursor(active), retired_cursors })
    }

    /// The tag of a cursor of the list with this name. Short: a forged cursor shows nothing that is hidden, it
    /// only starts a list elsewhere.
    pub fn tag(&self, list: &str, key: &[u8]) -> CursorTag {
        cursor_tag(&self.cursor, list, key)
    }

    /// Whether this is the tag of that cursor, by any of the secrets.
    pub fn verify_tag(&self, list: &str, key: &[u8], tag: &[u8]) -> bool {
        let matches = |secret| verify_slices_are_equal(&cursor_tag(secret, list, key), tag).is_ok();
        matches(&self.cursor) || self.retired_cursors.iter().any(matches)
    }

    /// Signs an access token that lives `ttl_ms` milliseconds from `now`.
    pub fn sign_access(
        &self,
        user: UserId,
        session: SessionId,
        generation: u32,
        now: Timestamp,
        ttl_ms: i64,
    ) -> Option<String> {
        let claims = AccessClaims {
            iss: ISSUER.into(),
            aud: "ro-co-api".into(),
            sub: user,
            sid: session,
            generation,
            iat: now.0 / 1000,
            nbf: None,
            exp: now.plus_millis(ttl_ms).0 / 1000,
            jti: BASE64_URL_SAFE_NO_PAD.encode(random::<16>()?),
        };
        self.access.sign(&claims)
    }

    /// Checks an access token's signature, kind and time.
    pub fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let (claims, _) = self.access.verify::<AccessClaims>(token)?;
        check_times(claims.exp, [Some(claims.iat), claims.nbf], now).map(|()| claims)
    }

    /// Signs the refresh token with this secret.
    pub fn sign_refresh(
        &self,
        user: UserId,
        session: SessionId,
        generation: u32,
        secret: &TokenSecret,
        expires: Timestamp,
    ) -> Option<String> {
        self.refresh.sign(&RefreshClaims {
            iss: ISSUER.into(),
            aud: "ro-co-refresh".into(),
            sub: user,
            sid: session,
            generation,
            secret: BASE64_URL_SAFE_NO_PAD.encode(secret),
            nbf: None,
            exp: expires.0 / 1000,
        })
    }

    /// Checks a refresh token without the store; returns its secret and the one its successor has.
    ///
    /// An expired one is refused here only after the leeway; the store decides by its own record.
    pub fn verify_refresh(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<(RefreshClaims, TokenSecret, TokenSecret), TokenError> {
        let (claims, kid) = self.refresh.verify::<RefreshClaims>(token)?;
        check_times(claims.exp, [claims.nbf, None], now)?;
        let secret: TokenSecret = BASE64_URL_SAFE_NO_PAD
            .decode(&claims.secret)
            .ok()
            .and_then(|s| s.try_into().ok())
            .ok_or(TokenError::Forged)?;
        let next = self.next.get(&kid).ok_or(TokenError::Forged)?;
        let successor = successor(next, &claims, &secret);
        Ok((claims, secret, successor))
    }
}

impl Ring {
    fn new(
        typ: &'static str,
        audience: &str,
        purpose: &str,
        secrets: &[Secret],
    ) -> Result<Self, SecretError> {
        let mut active = None;
        let mut verify = HashMap::new();
        for secret in secrets {
            let (kid, encoding, decoding) = ed25519(secret, purpose)?;
            active.get_or_insert((kid.clone(), encoding));
            verify.insert(kid, decoding);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The times are checked against this server's own clock, which tests can move.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let active = active.ok_or_else(|| SecretError::Malformed("no secret".into()))?;
        Ok(Self { typ, active, verify, validation })
    }

    fn sign<C: Serialize>(&self, claims: &C) -> Option<String> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(self.typ.into());
        header.kid = Some(self.active.0.clone());
        jsonwebtoken::encode(&header, claims, &self.active.1).ok()
    }

    /// The library looks at neither `typ` nor `crit` nor `kid`, nor at keys carried in the header: we do.
    fn verify<C: DeserializeOwned + Clone>(&self, token: &str) -> Result<(C, String), TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Forged)?;
        let foreign_key =
            header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.x5c.is_some();
        if header.typ.as_deref() != Some(self.typ) || header.crit.is_some() || foreign_key {
            return Err(TokenError::Forged);
        }
        let kid = header.kid.ok_or(TokenError::Forged)?;
        let key = self.verify.get(&kid).ok_or(TokenError::Forged)?;
        let token =
            jsonwebtoken::decode::<C>(token, key, &self.validation).map_err(|_| TokenError::Forged)?;
        Ok((token.claims, kid))
    }
}

fn cursor_tag(key: &hmac::Key, list: &str, text: &[u8]) -> CursorTag {
    let mut context = hmac::Context::with_key(key);
    context.update(list.as_bytes());
    context.update(text);
    let mut tag = [0; 8];
    tag.copy_from_slice(&context.sign().as_ref()[..8]);
    tag
}

/// A key pair, and as its id the start of its RFC 7638 thumbprint.
fn ed25519(secret: &Secret, purpose: &str) -> Result<(String, EncodingKey, DecodingKey), SecretError> {
    let seed = secret.derive(purpose);
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).map_err(|_| SecretError::Random)?;
    let public = pair.public_key().as_ref();
    let x = BASE64_URL_SAFE_NO_PAD.encode(public);
    let thumbprint = sha256(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes());
    let mut kid = BASE64_URL_SAFE_NO_PAD.encode(thumbprint);
    kid.truncate(11);
    let der = [PKCS8_PREFIX.as_slice(), seed.as_ref()].concat();
    Ok((kid, EncodingKey::from_ed_der(&der), DecodingKey::from_ed_der(public)))
}

/// The one secret that can follow: neither the database nor the server's key alone can make it.
fn successor(key: &hmac::Key, claims: &RefreshClaims, secret: &TokenSecret) -> TokenSecret {
    let mut context = hmac::Context::with_key(key);
    context.update(claims.sid.0.as_bytes());
    context.update(&(claims.generation.wrapping_add(1)).to_be_bytes());
    context.update(secret);
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// Whether a token may be used now: not after `exp`, nor before any of the other times.
fn check_times(exp: i64, not_before: [Option<i64>; 2], now: Timestamp) -> Result<(), TokenError> {
    let now = now.0 / 1000;
    if not_before.into_iter().flatten().any(|time| time > now.saturating_add(LEEWAY_SECONDS)) {
        return Err(TokenError::Forged);
    }
    if exp.saturating_add(LEEWAY_SECONDS) <= now { Err(TokenError::Expired) } else { Ok(()) }
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Random bytes; `None` when the system has none to give.
pub fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).ok().map(|()| bytes)
}

#[cfg(test)]
mod tests;
