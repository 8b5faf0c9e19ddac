//! The marks that an application takes in the register.

use super::papers::Papers;
use crate::http::problem::Problem;
use crate::infra::keys::KeyRing;
use crate::kernel::identifier::{Identifier, Serial, Vin};
use crate::kernel::refusal::Refusal;
use crate::programme::Mark as Kind;
use crate::redemption::reserve::WantedMark;
use crate::register::model::MarkKey;

/// An invoice stands in another live application.
pub const INVOICE_USED: Refusal = Refusal::new(
    "INVOICE_USED",
    "该发票已用于另一笔申请",
    "this invoice stands in another application",
);

/// The old item of this application draws for another subsidy already.
const OLD_ITEM_USED: Refusal = crate::redemption::reserve::OLD_ITEM_USED;

/// What a programme that pays a thing once must be told of the thing, or it could not be known
/// again. A recycler's record stands for what is written on the old item.
///
/// # Errors
/// 400 with the field.
pub fn check(kinds: &[Kind], papers: &Papers) -> Result<(), Problem> {
    for kind in kinds {
        let field = match kind {
            Kind::OldVin | Kind::OldFrame if papers.old_item.is_some() => continue,
            Kind::NewVin => "papers.item.vin",
            Kind::NewFrame => "papers.item.frame",
            Kind::OldVin => "papers.old.vin",
            Kind::OldFrame => "papers.old.frame",
            Kind::Invoice => "papers.invoice",
            Kind::Dwelling => "papers.dwelling",
            Kind::Asset => "papers.grant.asset",
            Kind::NewSerial | Kind::NewImei | Kind::NewGtinSerial | Kind::OrderNo => continue,
        };
        if thing(*kind, papers).is_none() {
            let (zh, en) =
                ("该方案每件只补一次，请正确填写", "this programme pays it once: name it");
            return Err(Problem::bad_field(field, zh, en));
        }
    }
    Ok(())
}

/// What a kind of mark stands for, in one form however it is written, and the kind's name in the
/// register. A VIN that is wrong stays as it is: old imports have such, and a person looks.
fn thing(kind: Kind, papers: &Papers) -> Option<(String, &'static str)> {
    let vin = |raw: &Option<String>| {
        let raw = raw.as_ref()?;
        Some(raw.parse::<Vin>().map_or_else(|_| raw.clone(), |vin| vin.reveal().to_owned()))
    };
    let frame = |raw: &Option<String>| {
        raw.as_ref()?.parse::<Serial>().ok().map(|frame| frame.reveal().to_owned())
    };
    Some(match kind {
        Kind::NewVin => (vin(&papers.item.vin)?, "new_vin"),
        Kind::NewFrame => (frame(&papers.item.frame)?, "new_frame"),
        Kind::OldVin => (vin(&papers.old.vin)?, "old_vin"),
        Kind::OldFrame => (frame(&papers.old.frame)?, "old_frame"),
        Kind::Invoice => (papers.invoice.as_ref()?.number.reveal().to_owned(), "invoice"),
        Kind::Dwelling => (papers.dwelling.as_ref()?.unit.reveal().to_owned(), "dwelling"),
        Kind::Asset => (papers.grant.as_ref()?.asset.as_ref()?.reveal().to_owned(), "asset"),
        Kind::NewSerial | Kind::NewImei | Kind::NewGtinSerial | Kind::OrderNo => return None,
    })
}

/// The marks of an application: those that the programme names, both invoices always, and the old
/// item's own record, which stands for its VIN or frame number.
pub fn wanted(
    keys: &KeyRing,
    kinds: &[Kind],
    papers: &Papers,
    record: Option<MarkKey>,
) -> Vec<WantedMark> {
    let old = |kind: &Kind| matches!(kind, Kind::OldVin | Kind::OldFrame);
    let of_kind = |kind: &Kind| {
        if record.is_some() && old(kind) {
            return None;
        }
        let (thing, name) = thing(*kind, papers)?;
        let key = MarkKey::of(keys, name, &thing);
        Some(WantedMark { key, rule: Some(*kind), refusal: None })
    };
    let mut marks: Vec<WantedMark> = kinds.iter().filter_map(of_kind).collect();
    let rule = kinds.iter().copied().find(old);
    marks.extend(record.map(|key| WantedMark {
        key,
        rule,
        refusal: rule.is_none().then_some(OLD_ITEM_USED),
    }));
    let new = papers.invoice.as_ref().map(|invoice| &invoice.number);
    for number in [new, papers.old.invoice_number.as_ref()].into_iter().flatten() {
        let key = MarkKey::of(keys, "invoice", number.reveal());
        if !marks.iter().any(|mark| mark.key == key) {
            marks.push(WantedMark { key, rule: None, refusal: Some(INVOICE_USED) });
        }
    }
    marks
}
