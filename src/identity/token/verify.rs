//! Judging a token. Nothing of it is believed before the signature holds under a local key.

use super::Actor;
use super::cache::Cache;
use super::claims::Claims;
use super::revoked::Revoked;
use super::settings::{BadTokenSettings, Ready, ReadyKey, TokenSettings, ready};
use crate::kernel::time::Moment;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, Validation, decode, decode_header};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The most bytes of a token: one with 64 reaches has about 2,500.
const MOST_BYTES: usize = 4_096;
/// Verified tokens kept, some 500 bytes each.
const CACHED: usize = 20_000;

/// Why a token is refused: a word for logs and metrics. The caller is told less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenRefused {
    #[error("too long")]
    TooLong,
    /// Not three parts of canonical base64url with JSON in the first two.
    #[error("malformed")]
    Malformed,
    /// Not `at+jwt`, or a header member that this service does not allow.
    #[error("header")]
    Header,
    #[error("unknown key")]
    UnknownKey,
    /// Not the algorithm of the key.
    #[error("algorithm")]
    Algorithm,
    #[error("signature")]
    Signature,
    /// A claim is missing, twice there, or of the wrong type.
    #[error("claims")]
    Claims,
    #[error("issuer")]
    Issuer,
    #[error("audience")]
    Audience,
    /// A role that the key's issuer may not give, or claims that do not fit the role.
    #[error("role")]
    Role,
    #[error("expired")]
    Expired,
    #[error("not yet valid")]
    NotYet,
    /// Issued in the future, or for longer than the settings allow.
    #[error("life")]
    Life,
    #[error("revoked")]
    Revoked,
}

/// Verifies tokens; shared by all workers.
pub struct Verifier {
    settings: Ready,
    cache: Cache,
    revoked: RwLock<Revoked>,
}

impl Verifier {
    /// # Errors
    /// A setting that would make tokens too easy to get or keep, in one sentence.
    pub fn new(settings: TokenSettings, sandbox: bool) -> Result<Verifier, BadTokenSettings> {
        Ok(Verifier {
            settings: ready(settings, sandbox)?,
            cache: Cache::new(CACHED),
            revoked: RwLock::default(),
        })
    }

    /// Who is asking, at the real time `now`.
    pub fn verify(&self, token: &str, now: Moment) -> Result<Arc<Actor>, TokenRefused> {
        if token.len() > MOST_BYTES {
            return Err(TokenRefused::TooLong);
        }
        let digest = Sha256::digest(token).into();
        let actor = match self.cache.get(&digest) {
            Some(actor) => actor,
            None => {
                let actor = Arc::new(self.examine(token, now)?);
                // An outdated one would only take the place of one that is used.
                self.in_time(&actor, now)?;
                self.cache.put(digest, actor.clone());
                actor
            }
        };
        self.in_time(&actor, now)?;
        self.not_revoked(&actor)?;
        Ok(actor)
    }

    /// Refuses these keys and tokens from now on, also those already seen, and no others.
    pub fn revoke(&self, revoked: Revoked) {
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = revoked;
    }

    fn not_revoked(&self, actor: &Actor) -> Result<(), TokenRefused> {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        let key = revoked.keys.contains(actor.key_id.as_ref());
        if key || revoked.tokens.contains(&actor.token_id) {
            return Err(TokenRefused::Revoked);
        }
        Ok(())
    }

    /// RFC 7519: not on or after `exp`, not before `nbf`; both with the leeway.
    fn in_time(&self, actor: &Actor, now: Moment) -> Result<(), TokenRefused> {
        if now >= actor.expires + self.settings.leeway {
            Err(TokenRefused::Expired)
        } else if now + self.settings.leeway < actor.not_before {
            Err(TokenRefused::NotYet)
        } else {
            Ok(())
        }
    }

    /// Everything that does not change while a token lives.
    fn examine(&self, token: &str, now: Moment) -> Result<Actor, TokenRefused> {
        let header = decode_header(token).map_err(|_| TokenRefused::Malformed)?;
        plain(&header)?;
        let kid = header.kid.as_deref().ok_or(TokenRefused::UnknownKey)?;
        let key = self.settings.keys.get(kid).ok_or(TokenRefused::UnknownKey)?;
        let claims = decode::<Claims>(token, &key.key, &self.validation(key))
            .map_err(|error| word_of(error.kind()))?
            .claims;
        // The library has looked at both; these lines hold should its defaults change.
        if claims.iss != key.issuer {
            return Err(TokenRefused::Issuer);
        }
        if !claims.aud.contains(&self.settings.audience) {
            return Err(TokenRefused::Audience);
        }
        self.lives_shortly(&claims, now)?;
        if !key.roles.contains(&claims.caller.role) {
            return Err(TokenRefused::Role);
        }
        claims.actor(key.kid.clone()).ok_or(TokenRefused::Role)
    }

    fn lives_shortly(&self, claims: &Claims, now: Moment) -> Result<(), TokenRefused> {
        let latest = (now + self.settings.leeway).timestamp();
        let life = claims.exp.checked_sub(claims.iat).ok_or(TokenRefused::Life)?;
        let sane = claims.iat >= 0 && claims.nbf >= 0 && claims.nbf < claims.exp;
        if claims.iat > latest || life <= 0 || life > self.settings.longest_life || !sane {
            return Err(TokenRefused::Life);
        }
        Ok(())
    }

    fn validation(&self, key: &ReadyKey) -> Validation {
        let mut validation = Validation::new(key.algorithm);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_issuer(&[&key.issuer]);
        // The library asks the machine's clock; here time is an argument (`in_time`).
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.settings.keys.keys().collect();
        write!(f, "Verifier {{ audience: {:?}, keys: {kids:?} }}", self.settings.audience)
    }
}

/// Refuses a header that is not an access token's (RFC 9068), or that wants more than naming a
/// key: to be fetched, unpacked or understood in another way.
fn plain(header: &Header) -> Result<(), TokenRefused> {
    let access = |typ: &str| {
        ["at+jwt", "application/at+jwt"].iter().any(|name| name.eq_ignore_ascii_case(typ))
    };
    let elsewhere = header.jku.is_some() || header.x5u.is_some();
    let inline = header.jwk.is_some() || header.x5c.is_some();
    let other_form = header.crit.is_some() || header.zip.is_some() || header.enc.is_some();
    let nested = header.cty.is_some() || header.extras.inner().contains_key("b64");
    let asks_more = elsewhere || inline || other_form || nested;
    match header.typ.as_deref() {
        Some(typ) if access(typ) && !asks_more => Ok(()),
        _ => Err(TokenRefused::Header),
    }
}

fn word_of(error: &ErrorKind) -> TokenRefused {
    match error {
        ErrorKind::InvalidAlgorithm => TokenRefused::Algorithm,
        ErrorKind::InvalidSignature => TokenRefused::Signature,
        ErrorKind::InvalidIssuer => TokenRefused::Issuer,
        ErrorKind::InvalidAudience => TokenRefused::Audience,
        ErrorKind::Json(_)
        | ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_) => TokenRefused::Claims,
        _ => TokenRefused::Malformed,
    }
}
