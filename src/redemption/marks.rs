//! The marks that a purchase takes in the register.

use super::purchase::PurchaseBody;
use super::reserve::{OLD_ITEM_USED, ORDER_NO_USED, WantedMark};
use crate::http::problem::Problem;
use crate::infra::keys::KeyRing;
use crate::kernel::identifier::{Gtin, Identifier, Imei, Serial, Vin};
use crate::programme::Mark as Kind;
use crate::register::model::MarkKey;
use uuid::Uuid;

/// What a programme that pays a thing once must be told of the thing, or it could not be known
/// again. An order names no units: its number is what draws once.
///
/// # Errors
/// 400 with the field.
pub fn check(kinds: &[Kind], body: &PurchaseBody) -> Result<(), Problem> {
    if kinds.contains(&Kind::Dwelling) && body.dwelling.is_none() {
        return Err(Problem::bad_field(
            "dwelling",
            "该方案每套住宅只补一次，请提供不动产单元代码",
            "this programme pays a dwelling once: give its real-estate unit",
        ));
    }
    let units = [Kind::NewSerial, Kind::NewGtinSerial, Kind::NewImei, Kind::NewVin, Kind::NewFrame];
    let wanted: Vec<&Kind> = kinds.iter().filter(|kind| units.contains(kind)).collect();
    let told = |kind: &&Kind| thing(**kind, body, None).is_some();
    if body.lines.is_empty() && !wanted.is_empty() && !wanted.iter().any(told) {
        return Err(Problem::bad_field(
            "item",
            "该方案一机一补，请提供序列号、IMEI、车架号等标识",
            "this programme pays a unit once: give its serial, IMEI, VIN or frame number",
        ));
    }
    Ok(())
}

/// What a kind of mark stands for in this purchase, in one form however the till wrote it, and
/// the kind's name in the register. A serial number is the maker's own and unique for a brand
/// only, so the brand is part of it where the catalogue knows it. An IMEI or VIN that is wrong
/// stays as it is: a rule refuses it.
fn thing(kind: Kind, body: &PurchaseBody, brand: Option<&str>) -> Option<(String, &'static str)> {
    let item = &body.item;
    let serial = |raw: &Option<String>| {
        raw.as_ref()?.parse::<Serial>().ok().map(|serial| serial.reveal().to_owned())
    };
    let same = |raw: &String, right: Option<String>| right.unwrap_or_else(|| raw.clone());
    Some(match kind {
        Kind::NewSerial => {
            let serial = serial(&item.serial)?;
            (format!("{}/{serial}", brand.unwrap_or_default()), "new_serial")
        }
        Kind::NewGtinSerial => {
            let gtin = item.gtin.as_ref()?;
            let gtin = same(gtin, gtin.parse::<Gtin>().ok().map(|gtin| gtin.to_string()));
            (format!("{gtin}/{}", serial(&item.serial)?), "new_gtin_serial")
        }
        Kind::NewImei => {
            let imei = item.imei.as_ref()?;
            (same(imei, imei.parse::<Imei>().ok().map(|it| it.reveal().to_owned())), "new_imei")
        }
        Kind::NewVin => {
            let vin = item.vin.as_ref()?;
            (same(vin, vin.parse::<Vin>().ok().map(|it| it.reveal().to_owned())), "new_vin")
        }
        Kind::NewFrame => (serial(&item.frame)?, "new_frame"),
        Kind::Dwelling => (body.dwelling.as_ref()?.unit.reveal().to_owned(), "dwelling"),
        // Those of the old item are taken by its own slice, the order number in `wanted`, and the
        // others belong to applications.
        Kind::OldVin | Kind::OldFrame | Kind::Invoice | Kind::OrderNo | Kind::Asset => return None,
    })
}

/// The marks of a purchase: those that the programme names and the till gives an identifier for,
/// the order number always, and the old item where one is handed in.
pub fn wanted(
    keys: &KeyRing,
    kinds: &[Kind],
    body: &PurchaseBody,
    brand: Option<&str>,
    retailer: Uuid,
    old_item: Option<MarkKey>,
) -> Vec<WantedMark> {
    let of_kind = |kind: &Kind| {
        let (thing, name) = thing(*kind, body, brand)?;
        let key = MarkKey::of(keys, name, &thing);
        Some(WantedMark { key, rule: Some(*kind), refusal: None })
    };
    let mut marks: Vec<WantedMark> = kinds.iter().filter_map(of_kind).collect();
    let order = format!("{}/{}", retailer.simple(), body.order_no);
    let order = MarkKey::of(keys, "order_no", &order);
    marks.push(WantedMark { key: order, rule: None, refusal: Some(ORDER_NO_USED) });
    marks.extend(old_item.map(|key| WantedMark { key, rule: None, refusal: Some(OLD_ITEM_USED) }));
    marks
}
