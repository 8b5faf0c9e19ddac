//! Attacks on the form, the header and the signature of a token: none may be accepted.
//!
//! Each line is the token that an attacker would send and the word by which it is refused; the
//! word matters, because a token that is refused for another reason tests nothing. The accepted
//! tokens at the top are the control: each attack is one change away from them.

use super::settings::ready;
use super::{Actor, KeyAlgorithm, Mint, TokenKey, TokenRefused, TokenSettings, Verifier};
use crate::identity::role::Role;
use crate::kernel::time::Moment;
use TokenRefused::*;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as URL};
use chrono::DateTime;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;

pub const ISSUER: &str = "https://id.shanghai.example";
pub const OTHER_ISSUER: &str = "https://app.example";
pub const PERSON: &str = "per_0_0196b7a0000070008000000000000001";

/// The P-256 key of RFC 7515, appendix A.3: published, so a secret of nobody.
const RFC_7515_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const RFC_7515_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const RFC_7515_D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

/// Two trusted keys: `ed-1` of the city's own issuer with every role, `es-1` of the citizens' app
/// with persons only. And one that nobody trusts.
pub struct Kit {
    pub verifier: Verifier,
    pub ed: SigningKey,
    pub es: EncodingKey,
    pub stranger: SigningKey,
    ed_public: String,
}

pub fn now() -> Moment {
    DateTime::from_timestamp(1_760_000_000, 0).unwrap()
}

pub fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "ed-1"})
}

pub fn claims() -> Value {
    let at = now().timestamp();
    json!({
        "iss": ISSUER, "aud": "tradein", "sub": "login-7", "jti": "t-1",
        "iat": at, "nbf": at, "exp": at + 300, "role": "person", "person": PERSON,
    })
}

/// `value` with some members replaced; null takes one away.
pub fn with(mut value: Value, changes: Value) -> Value {
    for (name, change) in changes.as_object().unwrap() {
        match change {
            Value::Null => value.as_object_mut().unwrap().remove(name),
            other => value.as_object_mut().unwrap().insert(name.clone(), other.clone()),
        };
    }
    value
}

impl Kit {
    pub fn new() -> Kit {
        let pem = Mint::generate_pem();
        let trusted = Mint::from_pem(&pem, "tradein").unwrap().trusted();
        let (es, es_public) = rfc_7515_key();
        let ed_public = trusted.public_key.clone();
        let keys = vec![
            TokenKey { kid: "ed-1".into(), issuer: ISSUER.into(), ..trusted },
            TokenKey {
                kid: "es-1".into(),
                algorithm: KeyAlgorithm::ES256,
                issuer: OTHER_ISSUER.into(),
                roles: vec![Role::Person],
                public_key: es_public,
            },
        ];
        let settings =
            TokenSettings { audience: "tradein".into(), leeway: 10, longest_life: 600, keys };
        Kit {
            verifier: Verifier::new(settings, false).unwrap(),
            ed: SigningKey::from_pkcs8_pem(&pem).unwrap(),
            es,
            stranger: SigningKey::from_bytes(&[7; 32]),
            ed_public,
        }
    }

    pub fn verify(&self, token: &str) -> Result<Arc<Actor>, TokenRefused> {
        self.verifier.verify(token, now())
    }

    /// A token signed by `ed-1` over exactly these texts.
    pub fn signed(&self, header: &str, claims: &str) -> String {
        let message = joined(header, claims);
        format!("{message}.{}", URL.encode(self.ed.sign(message.as_bytes()).to_bytes()))
    }

    pub fn with_header(&self, changes: Value) -> String {
        self.signed(&with(header(), changes).to_string(), &claims().to_string())
    }

    pub fn with_claims(&self, changes: Value) -> String {
        self.signed(&header().to_string(), &with(claims(), changes).to_string())
    }

    fn good(&self) -> String {
        self.signed(&header().to_string(), &claims().to_string())
    }

    /// A token of the app, signed with ES256.
    fn of_app(&self, header_changes: Value, claim_changes: Value) -> String {
        let header = with(header(), json!({"alg": "ES256", "kid": "es-1"}));
        let claims = with(with(claims(), json!({"iss": OTHER_ISSUER})), claim_changes);
        let message = joined(&with(header, header_changes).to_string(), &claims.to_string());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.es, Algorithm::ES256);
        format!("{message}.{}", signature.unwrap())
    }

    /// HS256 with what an attacker knows: some form of the public key.
    fn hmac(&self, secret: &[u8], kid: &str) -> String {
        let header = with(header(), json!({"alg": "HS256", "kid": kid}));
        let message = joined(&header.to_string(), &claims().to_string());
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(message.as_bytes());
        format!("{message}.{}", URL.encode(mac.finalize().into_bytes()))
    }
}

fn joined(header: &str, claims: &str) -> String {
    format!("{}.{}", URL.encode(header), URL.encode(claims))
}

fn rfc_7515_key() -> (EncodingKey, String) {
    let part = |text| hex::encode(URL.decode(text).unwrap());
    let point = format!("04{}{}", part(RFC_7515_X), part(RFC_7515_Y));
    let pkcs8 = format!(
        "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420{}\
         a144034200{point}",
        part(RFC_7515_D)
    );
    let spki = format!("3059301306072a8648ce3d020106082a8648ce3d030107034200{point}");
    let pem = STANDARD.encode(hex::decode(spki).unwrap());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n");
    (EncodingKey::from_ec_der(&hex::decode(pkcs8).unwrap()), pem)
}

fn refused(kit: &Kit, cases: Vec<(&str, String, TokenRefused)>) {
    for (name, token, word) in cases {
        assert_eq!(kit.verify(&token).unwrap_err(), word, "{name}");
        assert_eq!(kit.verify(&token).unwrap_err(), word, "{name}, the second time");
    }
}

#[test]
fn honest_tokens_are_accepted() {
    let kit = Kit::new();
    for (name, token) in [
        ("EdDSA", kit.good()),
        ("ES256", kit.of_app(json!({}), json!({}))),
        ("the long form of typ", kit.with_header(json!({"typ": "application/AT+JWT"}))),
        ("a thumbprint beside kid", kit.with_header(json!({"x5t#S256": "AAAA"}))),
        ("a member that nobody knows", kit.with_header(json!({"trace": {"id": 7}}))),
        ("several audiences", kit.with_claims(json!({"aud": ["other", "tradein"]}))),
        ("claims of the issuer's own", kit.with_claims(json!({"scope": "openid", "azp": "x"}))),
    ] {
        let actor = kit.verify(&token).unwrap_or_else(|word| panic!("{name}: {word}"));
        assert_eq!(actor.role, Role::Person, "{name}");
        assert_eq!(kit.verify(&token).unwrap(), actor, "{name}, from the cache");
    }
}

#[test]
fn no_unsigned_or_misnamed_algorithm_is_accepted() {
    let kit = Kit::new();
    let claims = claims().to_string();
    let unsigned = |alg: &str, signature: &str| {
        let header = with(header(), json!({"alg": alg})).to_string();
        format!("{}.{signature}", joined(&header, &claims))
    };
    let ed_bytes = kit.ed.verifying_key().to_bytes();
    let alg = |alg: Value| kit.with_header(json!({"alg": alg}));
    refused(
        &kit,
        vec![
            ("none", unsigned("none", ""), Malformed),
            ("None", unsigned("None", ""), Malformed),
            ("NONE", unsigned("NONE", ""), Malformed),
            ("nOnE", unsigned("nOnE", ""), Malformed),
            ("none with a signature", alg(json!("none")), Malformed),
            ("empty alg", alg(json!("")), Malformed),
            ("no alg", alg(Value::Null), Malformed),
            ("alg a number", alg(json!(0)), Malformed),
            ("alg a list", alg(json!(["EdDSA"])), Malformed),
            ("alg in lower case", alg(json!("eddsa")), Malformed),
            ("alg with a space", alg(json!("EdDSA ")), Malformed),
            ("the right alg, no signature", unsigned("EdDSA", ""), Signature),
            ("HS256, key = public PEM", kit.hmac(kit.ed_public.as_bytes(), "ed-1"), Algorithm),
            (
                "HS256, key = PEM trimmed",
                kit.hmac(kit.ed_public.trim().as_bytes(), "ed-1"),
                Algorithm,
            ),
            ("HS256, key = public bytes", kit.hmac(&ed_bytes, "ed-1"), Algorithm),
            ("HS256, empty key", kit.hmac(b"", "ed-1"), Algorithm),
            ("HS256 for the ES256 key", kit.hmac(&ed_bytes, "es-1"), Algorithm),
            ("ES256 named, EdDSA signed", alg(json!("ES256")), Algorithm),
            ("ES384 for the ES256 key", kit.of_app(json!({"alg": "ES384"}), json!({})), Algorithm),
            ("RS256", alg(json!("RS256")), Algorithm),
            ("PS512", alg(json!("PS512")), Algorithm),
            ("HS512", alg(json!("HS512")), Algorithm),
        ],
    );
}

#[test]
fn no_trick_with_key_or_header_is_accepted() {
    let kit = Kit::new();
    let kid = |kid: Value| kit.with_header(json!({"kid": kid}));
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL.encode([7; 32])});
    let header_twice = r#"{"alg":"EdDSA","typ":"at+jwt","kid":"es-1","kid":"ed-1"}"#;
    let alg_twice = r#"{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"ed-1"}"#;
    let text = claims().to_string();
    let deep = format!(r#"{{"alg":"EdDSA","x":{}1{}}}"#, "[".repeat(400), "]".repeat(400));
    let extra = |member: Value| kit.with_header(member);
    refused(
        &kit,
        vec![
            ("kid of nobody", kid(json!("ed-2")), UnknownKey),
            ("no kid", kid(Value::Null), UnknownKey),
            ("empty kid", kid(json!("")), UnknownKey),
            ("kid with a path", kid(json!("../../../../dev/null")), UnknownKey),
            ("kid with SQL", kid(json!("ed-1' OR '1'='1")), UnknownKey),
            ("kid with NUL", kid(json!("ed-1\u{0}")), UnknownKey),
            ("kid in upper case", kid(json!("ED-1")), UnknownKey),
            ("kid a number", kid(json!(1)), Malformed),
            ("kid a list", kid(json!(["ed-1"])), Malformed),
            ("kid huge", kid(json!("k".repeat(2_000))), UnknownKey),
            ("kid twice", kit.signed(header_twice, &text), Malformed),
            ("alg twice", kit.signed(alg_twice, &text), Malformed),
            ("header nested deep", kit.signed(&deep, &text), Malformed),
            ("header a list", kit.signed("[]", &text), Malformed),
            ("header not JSON", kit.signed("EdDSA", &text), Malformed),
            ("header with text behind", kit.signed(&format!("{} x", header()), &text), Malformed),
            ("typ JWT", extra(json!({"typ": "JWT"})), Header),
            ("typ of another purpose", extra(json!({"typ": "receipt+jwt"})), Header),
            ("no typ", extra(json!({"typ": null})), Header),
            ("jku", extra(json!({"jku": "https://evil.example/keys"})), Header),
            ("x5u", extra(json!({"x5u": "https://evil.example/cert"})), Header),
            ("jwk", extra(json!({"jwk": jwk})), Header),
            ("x5c", extra(json!({"x5c": ["AAAA"]})), Header),
            ("crit", extra(json!({"crit": ["exp"]})), Header),
            ("crit empty", extra(json!({"crit": []})), Header),
            ("b64 false", extra(json!({"b64": false})), Header),
            ("zip", extra(json!({"zip": "DEF"})), Header),
            ("enc", extra(json!({"enc": "A128GCM"})), Header),
            ("nested token", extra(json!({"cty": "JWT"})), Header),
        ],
    );
}

#[test]
fn no_broken_form_or_signature_is_accepted() {
    let kit = Kit::new();
    let good = kit.good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    let signed_by = |key: &SigningKey| URL.encode(key.sign(message.as_bytes()).to_bytes());
    let bytes = URL.decode(signature).unwrap();
    let mut high_s = bytes.clone();
    high_s[63] |= 0xe0;
    let other = URL.encode(with(claims(), json!({"role": "finance"})).to_string());
    // 64 bytes leave four unused bits in the last character: another one decodes the same.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sloppy = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let sloppy = format!("{message}.{}{sloppy}", &signature[..signature.len() - 1]);
    let app_as_city = kit.of_app(json!({"kid": "ed-1", "alg": "EdDSA"}), json!({"iss": ISSUER}));
    refused(
        &kit,
        vec![
            ("nothing", String::new(), Malformed),
            ("one part", head.to_owned(), Malformed),
            ("two parts", message.to_owned(), Malformed),
            ("four parts", format!("{good}.x"), Malformed),
            ("dots", "..".to_owned(), Malformed),
            ("padded", format!("{message}.{signature}=="), Malformed),
            ("standard base64", format!("{head}.{body}+/.{signature}"), Signature),
            ("a line end", format!("{good}\n"), Malformed),
            ("a space", format!("{head}. {body}.{signature}"), Signature),
            ("not canonical", sloppy, Malformed),
            ("signature cut by one", format!("{message}.{}", URL.encode(&bytes[..63])), Signature),
            (
                "signature longer",
                format!("{message}.{}", URL.encode([&bytes[..], &[0]].concat())),
                Signature,
            ),
            ("signature of zeros", format!("{message}.{}", URL.encode([0; 64])), Signature),
            ("signature with high S", format!("{message}.{}", URL.encode(high_s)), Signature),
            ("signed by a stranger", format!("{message}.{}", signed_by(&kit.stranger)), Signature),
            ("claims exchanged", format!("{head}.{other}.{signature}"), Signature),
            ("signed by the other issuer's key", app_as_city, Signature),
            ("over-long", kit.with_claims(json!({"x": "x".repeat(4_000)})), TooLong),
            ("a megabyte", "e".repeat(1 << 20), TooLong),
        ],
    );
}

#[test]
fn an_issuer_speaks_only_for_itself_and_its_roles() {
    let kit = Kit::new();
    let finance = json!({"role": "finance", "person": null, "bureau": ["100000/*"]});
    refused(
        &kit,
        vec![
            ("the app in the city's name", kit.of_app(json!({}), json!({"iss": ISSUER})), Issuer),
            ("the city in the app's name", kit.with_claims(json!({"iss": OTHER_ISSUER})), Issuer),
            ("the app makes an officer", kit.of_app(json!({}), finance.clone()), Role),
        ],
    );
    assert!(kit.verify(&kit.with_claims(finance)).is_ok(), "the city may");
}

#[test]
fn revocation_holds_for_tokens_already_seen() {
    let kit = Kit::new();
    let (first, second) = (kit.good(), kit.with_claims(json!({"jti": "t-2"})));
    let app = kit.of_app(json!({}), json!({"jti": "t-3"}));
    for token in [&first, &second, &app] {
        assert!(kit.verify(token).is_ok());
    }
    kit.verifier.revoke(super::Revoked::parse("token t-1").unwrap());
    assert_eq!(kit.verify(&first).unwrap_err(), Revoked);
    assert!(kit.verify(&second).is_ok());
    kit.verifier.revoke(super::Revoked::parse("token t-1\nkey ed-1").unwrap());
    assert_eq!(kit.verify(&second).unwrap_err(), Revoked);
    assert_eq!(kit.verify(&kit.with_claims(json!({"jti": "t-4"}))).unwrap_err(), Revoked);
    assert!(kit.verify(&app).is_ok(), "another key's");
    kit.verifier.revoke(super::Revoked::default());
    assert!(kit.verify(&first).is_ok(), "what is taken off the list is good again");
}

#[test]
fn a_sandbox_key_file_opens_no_real_deployment() {
    let mint = Mint::from_pem(&Mint::generate_pem(), "tradein").unwrap();
    let settings = TokenSettings::sandbox("tradein", mint.trusted());
    assert!(ready(settings.clone(), true).is_ok());
    assert!(ready(TokenSettings { longest_life: 600, ..settings }, false).is_err());
}
