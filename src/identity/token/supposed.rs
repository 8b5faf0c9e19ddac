//! What a token says of its bearer before anybody has looked at its signature.

use super::Standing;
use super::claims::Caller;
use crate::identity::model::PersonId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The person whom a token names. Whoever writes tokens himself can name anybody: good for
/// finding an answer that a key may have, never for admitting a caller.
pub fn supposed_person(token: &str) -> Option<PersonId> {
    let payload = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(payload).ok()?;
    match serde_json::from_slice::<Caller>(&claims).ok()?.standing()? {
        Standing::Person(person) => Some(person),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::role::Role;
    use crate::identity::token::{Grant, Mint};
    use chrono::{TimeDelta, Utc};
    use uuid::Uuid;

    #[test]
    fn the_person_of_a_token_is_read_whoever_signed_it_and_nobody_of_anything_else() {
        let mint = Mint::from_pem(&Mint::generate_pem(), "tradein").unwrap();
        let person = PersonId::from(Uuid::from_u128(7));
        let standing = Standing::Person(person);
        let grant = Grant { role: Role::Person, standing, login: "login".into() };
        let token = mint.issue(&grant, Utc::now(), TimeDelta::minutes(5), Uuid::nil()).unwrap();
        assert_eq!(supposed_person(&token), Some(person));
        let retailer = URL_SAFE_NO_PAD.encode(format!(
            "{{\"role\":\"retailer\",\"org\":\"org_0_{:032x}\"}}",
            Uuid::from_u128(2)
        ));
        for other in ["", "a", "a.b", "..", "a.!.c", &format!("a.{retailer}.c")] {
            assert_eq!(supposed_person(other), None, "{other}");
        }
    }
}
