//! What is sealed of a person, and how it looks from outside.

use super::model::{ConsentText, Person};
use crate::identity::model::ConsentPurpose;
use crate::identity::vault::{Place, Sealed, Vault};
use crate::kernel::identifier::{IdKind, IdNumber, Identifier, Mobile, PersonName};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// Which document carries the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    ResidentCard,
    HongKongMacaoPermit,
    TaiwanPermit,
    ForeignPermanentResident,
}

impl From<IdKind> for Document {
    fn from(kind: IdKind) -> Document {
        match kind {
            IdKind::ResidentCard => Document::ResidentCard,
            IdKind::HongKongMacaoPermit => Document::HongKongMacaoPermit,
            IdKind::TaiwanPermit => Document::TaiwanPermit,
            IdKind::ForeignPermanentResident => Document::ForeignPermanentResident,
        }
    }
}

/// A clear identity, with what its owner agreed to. It has no Debug that says anything.
#[derive(Debug, Deserialize)]
pub struct Identity {
    pub number: IdNumber,
    pub name: PersonName,
    pub mobile: Mobile,
    pub consent_text: ConsentText,
    pub purposes: Vec<ConsentPurpose>,
}

/// The same for writing: identifiers do not serialize, on purpose.
#[derive(Serialize)]
struct Written<'a> {
    number: &'a str,
    name: &'a str,
    mobile: &'a str,
    consent_text: &'a ConsentText,
    purposes: &'a [ConsentPurpose],
}

fn place(person: Uuid) -> Place<'static> {
    Place { table: "vault.person", row: person, column: "cipher" }
}

impl Identity {
    /// Seals it for the row of a person.
    pub fn seal(&self, vault: &Vault, person: Uuid) -> Vec<u8> {
        let written = Written {
            number: self.number.reveal(),
            name: self.name.reveal(),
            mobile: self.mobile.reveal(),
            consent_text: &self.consent_text,
            purposes: &self.purposes,
        };
        let text = Zeroizing::new(serde_json::to_string(&written).unwrap_or_default());
        vault.seal(place(person), &text)
    }

    /// Opens what was sealed for the row of a person; nothing where he is erased. That there is
    /// an audited reason to show it in clear text is the caller's part.
    ///
    /// # Errors
    /// What is wrong with the ciphertext.
    pub fn open(vault: &Vault, person: &Person) -> Result<Option<Identity>, Sealed> {
        let Some(cipher) = &person.cipher else { return Ok(None) };
        let text = vault.open(place(person.id), cipher)?;
        serde_json::from_str(&text).map(Some).map_err(|_| Sealed::NotText)
    }

    fn document(&self) -> Document {
        self.number.kind().into()
    }

    pub fn masked(&self) -> Value {
        json!({
            "document": self.document(),
            "id_number": self.number.masked(),
            "name": self.name.masked(),
            "mobile": self.mobile.masked(),
            "purposes": self.purposes,
        })
    }

    /// For an answer that is stored nowhere.
    pub fn clear(&self) -> Value {
        json!({
            "document": self.document(),
            "id_number": self.number.reveal(),
            "name": self.name.reveal(),
            "mobile": self.mobile.reveal(),
            "purposes": self.purposes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::people::model::State;
    use crate::infra::keys::KeyRing;
    use chrono::Utc;
    use std::sync::Arc;

    #[test]
    fn opens_in_its_own_row_and_not_once_erased() {
        let vault = Vault::new(Arc::new(KeyRing::sandbox()));
        let identity = Identity {
            number: IdNumber::synthetic(5),
            name: PersonName::synthetic(5),
            mobile: Mobile::synthetic(5),
            consent_text: ConsentText::try_from("310000/2026-01".to_owned()).unwrap(),
            purposes: vec![ConsentPurpose::Identity],
        };
        let id = Uuid::from_u128(9);
        let mut person = Person {
            bucket: 0,
            id,
            cipher: Some(identity.seal(&vault, id)),
            born_on: None,
            consent_at: Some(Utc::now()),
            registered_at: Some(Utc::now()),
            secret: None,
            state: State::Active,
            keep_year: None,
        };
        let opened = Identity::open(&vault, &person).unwrap().unwrap();
        assert_eq!(opened.clear(), identity.clear());
        let masked = opened.masked().to_string();
        for hidden in [identity.number.reveal(), identity.name.reveal(), identity.mobile.reveal()] {
            assert!(!masked.contains(hidden) && !format!("{opened:?}").contains(hidden));
        }
        let copied = Person { id: Uuid::from_u128(8), ..person.clone() };
        assert_eq!(Identity::open(&vault, &copied).unwrap_err(), Sealed::Tampered);
        person.cipher = None;
        assert!(Identity::open(&vault, &person).unwrap().is_none());
    }
}
