//! The marks that a purchase takes in the register.

use super::purchase::PurchaseBody;
use super::reserve::{OLD_ITEM_USED, ORDER_NO_USED, WantedMark};
use crate::infra::keys::{KeyRing, bucket_of};
use crate::kernel::identifier::{Identifier, Serial};
use crate::programme::Mark as Kind;
use crate::register::model::MarkKey;
use uuid::Uuid;

/// The key of a thing: kind, keyed digest, and the bucket that is 12 bits of it.
pub fn key(keys: &KeyRing, kind: &str, thing: &str) -> MarkKey {
    let digest = keys.bucket_digest(kind, thing.as_bytes());
    MarkKey {
        bucket: bucket_of(&digest).cast_signed(),
        kind: kind.to_owned(),
        digest: digest[..16].to_vec(),
    }
}

/// The marks of a purchase: those that the programme names and the till gives an identifier for,
/// the order number always, and the old item where one is handed in.
///
/// A serial number is the maker's own and unique for a brand only, so the brand is part of it
/// where the catalogue knows it. A serial that cannot be normalised is judged by the rules.
pub fn wanted(
    keys: &KeyRing,
    kinds: &[Kind],
    body: &PurchaseBody,
    brand: Option<&str>,
    retailer: Uuid,
    old_item: Option<MarkKey>,
) -> Vec<WantedMark> {
    let serial = |raw: &String| raw.parse::<Serial>().ok().map(|s| s.reveal().to_owned());
    let item = &body.item;
    let mut marks = Vec::new();
    for kind in kinds {
        let thing = match kind {
            Kind::NewSerial => item
                .serial
                .as_ref()
                .and_then(serial)
                .map(|serial| (format!("{}/{serial}", brand.unwrap_or_default()), "new_serial")),
            Kind::NewGtinSerial => {
                let both = item.gtin.as_ref().zip(item.serial.as_ref().and_then(serial));
                both.map(|(gtin, serial)| (format!("{gtin}/{serial}"), "new_gtin_serial"))
            }
            Kind::NewImei => item.imei.clone().map(|imei| (imei, "new_imei")),
            Kind::NewVin => item.vin.as_ref().map(|vin| (vin.to_ascii_uppercase(), "new_vin")),
            Kind::NewFrame => item.frame.as_ref().and_then(serial).map(|f| (f, "new_frame")),
            // Those of the old item are taken by its own slice, the order number below, and the
            // others belong to applications.
            Kind::OldVin | Kind::OldFrame | Kind::Invoice | Kind::OrderNo | Kind::Dwelling => None,
        };
        if let Some((thing, name)) = thing {
            let key = key(keys, name, &thing);
            marks.push(WantedMark { key, rule: Some(*kind), refusal: None });
        }
    }
    let order = format!("{}/{}", retailer.simple(), body.order_no);
    let order = key(keys, "order_no", &order);
    marks.push(WantedMark { key: order, rule: None, refusal: Some(ORDER_NO_USED) });
    marks.extend(old_item.map(|key| WantedMark { key, rule: None, refusal: Some(OLD_ITEM_USED) }));
    marks
}
