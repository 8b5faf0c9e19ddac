//! By what an old item is told from every other, and the marks that stand for it. Pure.

use crate::infra::keys::{KeyRing, bucket_of};
use crate::kernel::class::Class;
use crate::kernel::identifier::{Identifier, Plate, Serial, Vin};
use crate::register::model::MarkKey;
use serde::Deserialize;
use utoipa::ToSchema;

/// What is written on the old item. Only digests of it are kept.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OldItemIdentifiers)]
pub struct Identifiers {
    /// The maker's serial number, or the code that the recycler fixed to it (一机一码).
    #[schema(value_type = Option<String>, example = "SN-2093-7741")]
    pub serial: Option<Serial>,
    #[schema(value_type = Option<String>, example = "沪A12345")]
    pub plate: Option<Plate>,
    #[schema(value_type = Option<String>, example = "LSVAB2188E2100001")]
    pub vin: Option<Vin>,
    /// The frame number of an e-bike.
    #[schema(value_type = Option<String>, example = "123456789012345")]
    pub frame: Option<Serial>,
    /// The number of a vehicle's certificate of scrapping (报废机动车回收证明).
    #[schema(value_type = Option<String>, example = "310000202506010001")]
    pub certificate: Option<Serial>,
}

impl Identifiers {
    /// The identifier that a thing of this class must have and does not: two recyclers must name
    /// one thing by the same kind, or it could be registered twice.
    pub fn missing_for(&self, class: &Class) -> Option<&'static str> {
        match class.family() {
            "car" if self.vin.is_none() => Some("vin"),
            "car" if class.as_str() == "car.scrap" && self.certificate.is_none() => {
                Some("certificate")
            }
            "ebike" if self.frame.is_none() => Some("frame"),
            "car" | "ebike" => None,
            _ if self.serial.is_none() => Some("serial"),
            _ => None,
        }
    }

    /// The marks that a registration takes.
    pub fn marks(&self, keys: &KeyRing) -> Vec<MarkKey> {
        let of = |kind, text: Option<&str>| text.map(|text| mark(keys, kind, text.as_bytes()));
        [
            of("old_serial", self.serial.as_ref().map(Identifier::reveal)),
            of("old_plate", self.plate.as_ref().map(Identifier::reveal)),
            of("old_vin", self.vin.as_ref().map(Identifier::reveal)),
            of("old_frame", self.frame.as_ref().map(Identifier::reveal)),
            of("old_certificate", self.certificate.as_ref().map(Identifier::reveal)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The mark of a thing: 128 bits of a digest under the key that is never rotated, and of them the
/// first 12 as its bucket.
pub fn mark(keys: &KeyRing, kind: &str, value: &[u8]) -> MarkKey {
    let digest = keys.bucket_digest(kind, value);
    let bucket = bucket_of(&digest).cast_signed();
    MarkKey { bucket, kind: kind.to_owned(), digest: digest[..16].to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_one_identifier_that_it_cannot_do_without() {
        let serial = Some(Serial::synthetic(1));
        let only_serial = Identifiers { serial: serial.clone(), ..Identifiers::default() };
        let frame = Identifiers { frame: serial, ..Identifiers::default() };
        let vin = Identifiers { vin: Some(Vin::synthetic(1)), ..Identifiers::default() };
        for (class, given, missing) in [
            ("appliance.tv", &only_serial, None),
            ("appliance.tv", &frame, Some("serial")),
            ("digital.phone", &only_serial, None),
            ("ebike", &frame, None),
            ("ebike", &only_serial, Some("frame")),
            ("car.scrap", &vin, Some("certificate")),
            ("car.replace", &vin, None),
            ("car.replace", &only_serial, Some("vin")),
        ] {
            assert_eq!(given.missing_for(&class.parse().unwrap()), missing, "{class}");
        }
    }

    #[test]
    fn kinds_never_meet_and_spellings_do() {
        let keys = KeyRing::sandbox();
        let same: Vec<MarkKey> = ["SN-12 34/ab", "sn-1234/AB"]
            .map(|raw| Identifiers { serial: raw.parse().ok(), ..Identifiers::default() })
            .iter()
            .flat_map(|it| it.marks(&keys))
            .collect();
        assert_eq!(same[0], same[1]);
        let frame = Identifiers { frame: "SN-1234/AB".parse().ok(), ..Identifiers::default() };
        let frame = &frame.marks(&keys)[0];
        assert_ne!(frame.digest, same[0].digest, "a serial is no frame number");
        assert!((0..4096).contains(&frame.bucket));
    }
}
