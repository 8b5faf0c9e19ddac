//! Making tokens, for a sandbox and for tests. A deployment in service has issuers of its own and
//! refuses the issuer named here.

use super::Standing;
use super::claims::{Audience, Caller, Claims};
use super::settings::{KeyAlgorithm, TokenKey};
use crate::identity::role::{Role, Scope};
use crate::kernel::time::Moment;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{SigningKey, VerifyingKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The issuer of every token that this program makes; `.invalid` belongs to nobody (RFC 2606).
pub const SANDBOX_ISSUER: &str = "https://sandbox.tradein.invalid";

/// What a new token shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub role: Role,
    pub standing: Standing,
    /// The login, `sub`.
    pub login: String,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeyFile {
    #[error(
        "not an Ed25519 private key in PEM; make one with `openssl genpkey -algorithm ed25519`"
    )]
    Form,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadGrant {
    #[error(
        "a person needs a person, a bureau's role 1 to 64 places of its scope, and every other \
         role an organisation, and none of them anything else"
    )]
    Standing,
    #[error("the login must have 1 to 255 bytes")]
    Login,
    #[error("the key does not sign")]
    Key,
}

/// A signing key, and what it signs for.
pub struct Mint {
    kid: String,
    public: VerifyingKey,
    private: EncodingKey,
    audience: String,
}

impl Mint {
    /// Reads a PKCS#8 private key, as `openssl genpkey -algorithm ed25519` writes it. The `kid`
    /// is the key's JWK thumbprint (RFC 7638), so that the file says everything.
    pub fn from_pem(pem: &str, audience: &str) -> Result<Mint, BadKeyFile> {
        let key = SigningKey::from_pkcs8_pem(pem.trim()).map_err(|_| BadKeyFile::Form)?;
        let private = EncodingKey::from_ed_pem(pem.trim().as_bytes());
        let public = key.verifying_key();
        Ok(Mint {
            kid: thumbprint(&public),
            public,
            private: private.map_err(|_| BadKeyFile::Form)?,
            audience: audience.to_owned(),
        })
    }

    /// A new private key for a sandbox, in the form that [`Mint::from_pem`] reads.
    pub fn generate_pem() -> Zeroizing<String> {
        SigningKey::generate(&mut rand::rng())
            .to_pkcs8_pem(LineEnding::LF)
            .expect("a key just made has an encoding")
    }

    /// The public side, for the settings of the instance that shall accept the tokens.
    pub fn trusted(&self) -> TokenKey {
        TokenKey {
            kid: self.kid.clone(),
            algorithm: KeyAlgorithm::EdDSA,
            issuer: SANDBOX_ISSUER.to_owned(),
            roles: Role::ALL.to_vec(),
            public_key: self
                .public
                .to_public_key_pem(LineEnding::LF)
                .expect("a public key has an encoding"),
        }
    }

    /// A token that is valid from `now` for `life`, with `id` as its `jti`.
    pub fn issue(
        &self,
        grant: &Grant,
        now: Moment,
        life: TimeDelta,
        id: Uuid,
    ) -> Result<String, BadGrant> {
        if !(1..=255).contains(&grant.login.len()) {
            return Err(BadGrant::Login);
        }
        let caller = grant.caller();
        if caller.standing().as_ref() != Some(&grant.standing) {
            return Err(BadGrant::Standing);
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.kid.clone());
        let claims = Claims {
            iss: SANDBOX_ISSUER.to_owned(),
            sub: grant.login.clone(),
            aud: Audience::One(self.audience.clone()),
            exp: (now + life).timestamp(),
            nbf: now.timestamp(),
            iat: now.timestamp(),
            jti: id.to_string(),
            caller,
        };
        encode(&header, &claims, &self.private).map_err(|_| BadGrant::Key)
    }
}

impl Grant {
    fn caller(&self) -> Caller {
        let mut caller = Caller {
            role: self.role,
            person: None,
            org: None,
            store: None,
            bureau: Scope::default(),
        };
        match &self.standing {
            Standing::Person(id) => caller.person = Some(*id),
            Standing::Organisation { id, store } => {
                (caller.org, caller.store) = (Some(*id), *store);
            }
            Standing::Official(scope) => caller.bureau = scope.clone(),
        }
        caller
    }
}

/// RFC 7638 over the members that RFC 8037 requires of an Ed25519 key.
fn thumbprint(key: &VerifyingKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        // Appendix A.3.
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = VerifyingKey::from_bytes(&x.try_into().unwrap()).unwrap();
        assert_eq!(thumbprint(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn only_an_ed25519_private_key_is_a_key_file() {
        let pem = Mint::generate_pem();
        let mint = Mint::from_pem(&pem, "tradein").unwrap();
        assert_eq!(mint.kid, Mint::from_pem(&pem, "other").unwrap().kid, "the file names it");
        for bad in ["", "x", mint.trusted().public_key.as_str(), &pem[..80]] {
            assert_eq!(Mint::from_pem(bad, "tradein").err(), Some(BadKeyFile::Form));
        }
    }
}
