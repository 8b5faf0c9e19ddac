//! What a replay keeps of the entries beside the fold: the facts that rows are compared with.

use crate::application::document::entries::FILED;
use crate::application::entries::{CORRECTED, SUBMITTED, TOPPED_UP};
use crate::application::port::entries::ANSWERED;
use crate::book::entries::{BOOK_LISTED, HEADS_LISTED};
use crate::book::fold::EntryView;
use crate::identity::organisation::entries::{
    ORGANISATION_APPROVED, ORGANISATION_REGISTERED, STORE_ADDED,
};
use crate::kernel::id::BookNo;
use crate::kernel::time::Moment;
use crate::old_item::entries::OLD_ITEM_REGISTERED;
use crate::programme::goods::load::GOODS_LOADED;
use crate::programme::publish::PROGRAMME_PUBLISHED;
use crate::redemption::entries::{CANCELLED, CAPTURED, CAPTURED_LATE, ENDED, RESERVED};
use crate::register::holdings::import::HOLDING_IMPORTED;
use crate::review::entries::{HANDED_BACK, TAKEN};
use crate::voucher::entries::{VOUCHER_CLAIMED, VOUCHER_LAPSED};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A mark as leaves write it: kind, and digest in hex.
pub type MarkName = (String, String);

/// What a claim's leaf says.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub at: Moment,
    pub hold_fen: i64,
    pub class: String,
    pub until: String,
    pub quota_key: String,
    /// N of the acting programme at the grant.
    pub slots: u64,
    pub subject: String,
    pub rule: String,
}

/// What a reservation's leaf says.
#[derive(Clone, Debug)]
pub struct Reserved {
    pub at: Moment,
    pub class: String,
    pub until: String,
    pub retailer: String,
    pub lines: Value,
    pub rule: String,
    pub is_capped: bool,
}

/// What the leaves of an application say, the newest of each kind.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    pub at: Moment,
    pub class: String,
    pub decided_at: String,
    pub quota_key: String,
    /// N of the acting programme at the newest grant of the slot.
    pub slots: u64,
    pub subject: String,
    pub rule: String,
    pub payee: Option<String>,
    pub part: Option<Value>,
    pub is_capped: bool,
    /// What the rules gave, and so what it holds while it is open.
    pub amount_fen: i64,
    /// The deadline of the correction that is asked for.
    pub until: Option<String>,
    /// The base that the office accepted.
    pub approved_base_fen: Option<i64>,
}

/// A book as the register book lists it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub name: String,
    pub state: String,
}

#[derive(Clone, Debug, Default)]
pub struct Kept {
    pub claims: BTreeMap<Uuid, Claimed>,
    pub reservations: BTreeMap<Uuid, Reserved>,
    pub applications: BTreeMap<Uuid, Applied>,
    /// The commitment of each document, in hexadecimal.
    pub documents: BTreeMap<Uuid, String>,
    /// Whether somebody works on an application.
    pub reviews: BTreeMap<Uuid, bool>,
    /// What neighbours said of an application.
    pub answers: BTreeMap<Uuid, Vec<Value>>,
    /// Imported slots: the quota key and the person's pseudonym.
    pub holdings: BTreeMap<Uuid, (String, String)>,
    /// The marks that a reservation, an old item or a holding took.
    pub marks: BTreeMap<Uuid, Vec<MarkName>>,
    /// When a reservation was cancelled or ended by an entry.
    pub released: BTreeMap<Uuid, Moment>,
    pub captured: BTreeMap<Uuid, Moment>,
    pub captured_late: BTreeSet<Uuid>,
    /// Vouchers whose lapse counts on a tally.
    pub lapses: Vec<(Uuid, String)>,
    pub listed: BTreeMap<BookNo, Listed>,
    /// The listed heads of each book: size to root, in hexadecimal.
    pub heads: BTreeMap<BookNo, BTreeMap<u64, String>>,
    /// What the leaf of an organisation, an approval or a store says.
    pub records: BTreeMap<Uuid, Value>,
    /// Published programmes: id and version to hash.
    pub programmes: BTreeMap<(String, i64), String>,
    pub goods_added: i64,
    pub prices_added: i64,
}

impl Kept {
    /// Takes in an entry that the fold has accepted, so its fields are there.
    pub fn take(&mut self, entry: &EntryView) {
        let text = |name: &str| entry.text(name).unwrap_or_default().to_owned();
        let integer = |name: &str| entry.data.get(name).and_then(Value::as_i64).unwrap_or_default();
        let kind = entry.kind.as_str();
        let rule = entry.rule.clone().unwrap_or_default();
        if kind == VOUCHER_CLAIMED.name {
            let quota = entry.data.get("quota").cloned().unwrap_or_default();
            let key = quota.get("key").and_then(Value::as_str).unwrap_or_default();
            let claimed = Claimed {
                at: entry.at,
                hold_fen: integer("hold_fen"),
                class: text("class"),
                until: text("until"),
                quota_key: key.to_owned(),
                slots: quota.get("slots").and_then(Value::as_u64).unwrap_or_default(),
                subject: entry.subject.clone().unwrap_or_default(),
                rule,
            };
            self.claims.insert(entry.about, claimed);
        } else if kind == RESERVED.name {
            let reserved = Reserved {
                at: entry.at,
                class: text("class"),
                until: text("until"),
                retailer: text("retailer"),
                lines: entry.data.get("lines").cloned().unwrap_or_default(),
                rule,
                is_capped: entry.data.get("drawn_fen").is_some(),
            };
            self.reservations.insert(entry.about, reserved);
            self.marks.insert(entry.about, marks_in(entry));
        } else if kind.starts_with("application.") {
            self.application(entry);
        } else if kind == FILED.name {
            self.documents.insert(entry.about, text("commitment"));
        } else if kind == TAKEN.name || kind == HANDED_BACK.name {
            self.reviews.insert(entry.about, kind == TAKEN.name);
        } else if kind == ANSWERED.name {
            self.answers.entry(entry.about).or_default().push(entry.data.clone());
        } else if kind == HOLDING_IMPORTED.name {
            self.holding(entry);
        } else if kind == OLD_ITEM_REGISTERED.name {
            self.marks.insert(entry.about, marks_in(entry));
        } else if kind == CANCELLED.name || kind == ENDED.name {
            self.released.insert(entry.about, entry.at);
        } else if kind == CAPTURED.name || kind == CAPTURED_LATE.name {
            self.captured.insert(entry.about, entry.at);
            if kind == CAPTURED_LATE.name {
                self.captured_late.insert(entry.about);
            }
        } else if kind == VOUCHER_LAPSED.name {
            let counted = entry.data.get("counted").and_then(Value::as_str);
            self.lapses.extend(counted.map(|key| (entry.about, key.to_owned())));
        } else if kind == BOOK_LISTED.name {
            let number = BookNo::try_from(integer("book_no")).unwrap_or_default();
            let name = format!("{}/{}/{}", text("region"), text("family"), integer("year"));
            self.listed.insert(number, Listed { name, state: text("state") });
        } else if kind == HEADS_LISTED.name {
            self.take_heads(entry);
        } else if kind == PROGRAMME_PUBLISHED.name {
            self.programmes.insert((text("id"), integer("version")), text("sha256"));
        } else if kind == GOODS_LOADED.name {
            self.goods_added += integer("goods_added");
            self.prices_added += integer("prices_added");
        } else if [ORGANISATION_REGISTERED.name, ORGANISATION_APPROVED.name, STORE_ADDED.name]
            .contains(&kind)
        {
            self.records.insert(entry.about, entry.data.clone());
        }
    }
}

impl Kept {
    /// An earlier system's slot, where the entry is about a person, and its mark otherwise.
    fn holding(&mut self, entry: &EntryView) {
        if let Some(subject) = &entry.subject {
            let quota = entry.text("quota").unwrap_or_default().to_owned();
            self.holdings.insert(entry.about, (quota, subject.clone()));
        } else {
            self.marks.insert(entry.about, marks_in(entry));
        }
    }

    fn application(&mut self, entry: &EntryView) {
        let text = |name: &str| entry.text(name).unwrap_or_default().to_owned();
        let kind = entry.kind.as_str();
        let files = kind == SUBMITTED.name || kind == CORRECTED.name;
        let known = self.applications.entry(entry.about).or_default();
        known.until = entry.text("until").ok().map(str::to_owned);
        if !files && kind != TOPPED_UP.name {
            let base = entry.data.get("approved_base_fen").and_then(Value::as_i64);
            known.approved_base_fen = base.or(known.approved_base_fen);
            return;
        }
        let quota = entry.data.get("quota").cloned().unwrap_or_default();
        let key = quota.get("key").and_then(Value::as_str).unwrap_or_default();
        *known = Applied {
            at: if kind == CORRECTED.name { known.at } else { entry.at },
            class: text("class"),
            decided_at: text("decided_at"),
            quota_key: key.to_owned(),
            slots: quota.get("slots").and_then(Value::as_u64).unwrap_or_default(),
            subject: entry.subject.clone().unwrap_or_default(),
            rule: entry.rule.clone().unwrap_or_default(),
            payee: entry.text("payee").ok().map(str::to_owned),
            part: entry.data.get("part").cloned(),
            is_capped: entry.data.get("drawn_fen").is_some(),
            amount_fen: entry.fen("amount_fen").unwrap_or_default().0,
            until: None,
            approved_base_fen: None,
        };
        self.marks.insert(entry.about, marks_in(entry));
    }

    fn take_heads(&mut self, entry: &EntryView) {
        for (book, size, root) in heads_in(entry) {
            self.heads.entry(book).or_default().insert(size, root);
        }
    }
}

/// Book, size and root of each head that a listing names.
fn heads_in(entry: &EntryView) -> Vec<(BookNo, u64, String)> {
    let heads = entry.data.get("heads").and_then(Value::as_array).cloned().unwrap_or_default();
    let head = |head: &Value| {
        let book = BookNo::try_from(head.get("book_no")?.as_i64()?).ok()?;
        Some((book, head.get("size")?.as_u64()?, head.get("root")?.as_str()?.to_owned()))
    };
    heads.iter().filter_map(head).collect()
}

fn marks_in(entry: &EntryView) -> Vec<MarkName> {
    let marks = entry.data.get("marks").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    marks.iter().filter_map(|mark| Some((text(mark.get(0))?, text(mark.get(1))?))).collect()
}
