//! A book of any size, made with the product's own rules, schemas and encoding: its lives are
//! claimed, reserved and captured as the service would write them, without a database.

use crate::audit::export::Writer;
use crate::book::entries::{APPROPRIATION_APPROVED, APPROPRIATION_PROPOSED};
use crate::book::log::{Place, leaf};
use crate::book::model::{Actor, Bucket, Draft, Leg, moved};
use crate::kernel::canonical::sha256;
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::time::{self, Moment};
use crate::kernel::tlog::checkpoint::Checkpoint;
use crate::kernel::tlog::note::SignerKey;
use crate::programme::{Fact, Facts, Phase, Programme, Programmes, Standing, Value, judge};
use crate::redemption::entries::{CAPTURED, RESERVED};
use crate::voucher::entries::VOUCHER_CLAIMED;
use anyhow::{Context, anyhow};
use chrono::TimeDelta;
use serde_json::{Value as Json, json};
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use uuid::Uuid;

const PROGRAMME: &str = include_str!("../../config/programmes/shanghai-appliance-2024.toml");
const BOOK: &str = "310000/appliance/2024";
const FIRST_CLAIM: &str = "2024-09-10T10:00:00+08:00";

/// Entries before the first life.
const MONEY: u64 = 2;
/// Entries of one life.
const LIFE: u64 = 3;
/// Lives that are made at once.
const PART: u64 = 1_024;

/// What all lives share.
pub struct Lives {
    pub programme: String,
    sha256: [u8; 32],
    hold: Fen,
    amount: Fen,
    began: Moment,
    claim: Json,
    reserve: Json,
    capture: Json,
    programmes: Programmes,
}

impl Lives {
    /// Screens and judges one purchase by the rules; every life is one like it.
    ///
    /// # Errors
    /// The rules refuse the purchase, which is a bug of this file.
    pub fn new() -> anyhow::Result<Lives> {
        let programmes = Programmes::from_texts([("shanghai-appliance-2024", PROGRAMME)])
            .map_err(|found| anyhow!("{} complaints about the programme", found.len()))?;
        let programme = programmes.iter().next().context("no programme")?.clone();
        let began: Moment = FIRST_CLAIM.parse()?;
        let mut facts = Facts::from_json(&json!({
            "person": {"id": "person-a", "age": 35, "location": "310000"},
            "purchase": {"price_fen": 899_900, "channel": "offline", "delivery_region": "310000",
                "payer": "person-a", "recipient": "person-a"},
            "invoice": {"buyer": "person-a", "lines": 1, "subsidised_lines": 1},
            "item": {"gtin": "6908800000012", "serial": "SN0000000001", "energy_label": 1},
            "merchant": {"status": "active"}, "voucher": {"channel": "offline"},
        }))?;
        let class = "appliance.refrigerator".parse()?;
        let screened = |facts: &Facts, phase| programme.screen(&class, &[phase], facts, began);
        let claim = screened(&facts, Phase::Claim);
        let said = |facts: &Facts, of: &crate::programme::Screening| {
            (Json::Object(of.facts(facts)), Json::Object(of.checks()))
        };
        let (claim_facts, claim_checks) = said(&facts, &claim);
        facts.set(Fact::VoucherClaimedAt, Value::Moment(began))?;
        let until = programme.voucher_until(Some("offline"), began);
        facts.set(Fact::VoucherUntil, Value::Moment(until))?;
        let reserve = screened(&facts, Phase::Reserve);
        let judged = judge(&reserve, &Standing::default());
        let judged = judged.map_err(|_| anyhow!("the purchase is refused"))?;
        let amount = judged.amount.context("the purchase has no amount")?;
        let capture = screened(&facts, Phase::Capture);
        let (reserve_facts, reserve_checks) = said(&facts, &reserve);
        let (capture_facts, capture_checks) = said(&facts, &capture);
        Ok(Lives {
            programme: programme.text().to_owned(),
            sha256: programme.hash_bytes(),
            hold: programme.hold(&class),
            amount,
            began,
            claim: json!({
                "class": class, "channel": "offline", "hold_fen": programme.hold(&class),
                "quota": {"key": "100000/2024/appliance.refrigerator", "slots": 1, "in_use": 0},
                "facts": claim_facts, "checks": claim_checks,
            }),
            reserve: json!({
                "class": class, "amount_fen": amount, "derivation": judged.derivation.steps,
                "lines": [], "needs_review": false, "facts": reserve_facts,
                "checks": reserve_checks,
            }),
            capture: json!({
                "amount_fen": amount, "facts": capture_facts, "checks": capture_checks,
            }),
            programmes,
        })
    }

    fn programme(&self) -> Option<&Programme> {
        self.programmes.iter().next().map(|programme| programme.as_ref())
    }

    /// The leaves that bring the money for so many lives.
    fn money(&self, lives: u64) -> [Vec<u8>; 2] {
        let fen = Fen(self.hold.0.saturating_mul(i64::try_from(lives + 1).unwrap_or(i64::MAX)));
        let id = id("appropriation", 0);
        let digest = hex::encode(sha256(b"the paper"));
        let data = json!({"amount_fen": fen, "document_sha256": digest});
        let proposed = Draft::new(&APPROPRIATION_PROPOSED, id, data);
        let mut approved = Draft::new(&APPROPRIATION_APPROVED, id, json!({}));
        approved.legs = moved(Bucket::Authority, Bucket::Available, fen);
        let official = |n: u8| Actor::Official { role: "finance", login: [n; 16] };
        [(proposed, official(1)), (approved, official(2))].map(|(draft, actor)| {
            let seq = u64::from(!draft.legs.is_empty());
            leaf(&Place { book: 1, book_name: BOOK, at: self.began, actor: &actor }, seq, draft)
        })
    }

    /// The leaves of a life.
    pub fn life(&self, n: u64) -> [Vec<u8>; LIFE as usize] {
        let at = self.began + TimeDelta::milliseconds(50 * i64::try_from(n).unwrap_or(0));
        let reserved_at = at + TimeDelta::microseconds(20_000);
        let (voucher, redemption) = (id("voucher", n), id("redemption", n));
        let shop = id("shop", n % 5_000);
        let mut subject = [0; 16];
        subject.copy_from_slice(&sha256(&n.to_be_bytes())[..16]);
        let draft = |of, about, data: Json, legs| {
            let mut draft = Draft::new(of, about, data);
            draft.subject = Some(subject);
            draft.rule = Some(self.sha256);
            draft.legs = legs;
            draft
        };
        let programme = self.programme();
        let until = programme.map_or(at, |it| it.voucher_until(Some("offline"), at));
        let mut data = self.claim.clone();
        data["until"] = json!(time::text(until));
        let claim = draft(
            &VOUCHER_CLAIMED,
            voucher,
            data,
            moved(Bucket::Available, Bucket::Held, self.hold),
        );
        let mark = |kind: &str| json!([kind, hex::encode(sha256(format!("{kind}{n}").as_bytes()))]);
        let mut data = self.reserve.clone();
        data["voucher"] = json!(voucher.simple().to_string());
        data["retailer"] = json!(PublicId::new(Kind::Organisation, 0, shop).to_string());
        data["until"] = json!(time::text(reserved_at + TimeDelta::minutes(30)));
        data["claimed_at"] = json!(time::text(at));
        data["facts"]["voucher.claimed_at"] = json!(time::local_text(at));
        data["facts"]["voucher.until"] = json!(time::local_text(until));
        data["marks"] = json!([mark("new_serial"), mark("order_no")]);
        let reserve = draft(&RESERVED, redemption, data, Vec::new());
        let mut legs = vec![
            Leg { bucket: Bucket::Held, amount: Fen(-self.hold.0) },
            Leg { bucket: Bucket::Committed, amount: self.amount },
        ];
        if self.amount < self.hold {
            let amount = Fen(self.hold.0 - self.amount.0);
            legs.push(Leg { bucket: Bucket::Available, amount });
        }
        let capture = draft(&CAPTURED, redemption, self.capture.clone(), legs);
        let till = Actor::Organisation { role: "retailer", id: shop };
        let place = |at, actor| Place { book: 1, book_name: BOOK, at, actor };
        let first = MONEY + LIFE * n;
        [
            leaf(&place(at, &Actor::Person(voucher)), first, claim),
            leaf(&place(reserved_at, &till), first + 1, reserve),
            leaf(&place(reserved_at, &till), first + 2, capture),
        ]
    }
}

/// An id of its own for each thing and number, ascending with the number as the service's do.
fn id(thing: &str, n: u64) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256(format!("{thing}{n}").as_bytes())[..16]);
    bytes[..6].copy_from_slice(&n.to_be_bytes()[2..]);
    Uuid::from_bytes(bytes)
}

/// Lays a book of that many lives out in an empty folder as an export does, signed with this key.
/// How many entries it has.
///
/// # Errors
/// What the file system says.
pub fn lay(folder: &Path, lives: u64, key: &SignerKey, origin: &str) -> anyhow::Result<u64> {
    let made = Lives::new()?;
    let mut writer = Writer::open(folder, MONEY + LIFE * lives)?;
    for leaf in made.money(lives) {
        writer.push(&leaf)?;
    }
    each(&made, lives, |leaf| Ok(writer.push(leaf)?))?;
    writer.finish()?;
    let checkpoint =
        Checkpoint { origin: origin.to_owned(), size: writer.size(), root: writer.root() };
    let programmes = folder.join(crate::audit::export::PROGRAMMES);
    std::fs::create_dir_all(&programmes)?;
    let name = format!("{}.toml", hex::encode(made.sha256));
    std::fs::write(programmes.join(name), &made.programme)?;
    std::fs::write(
        folder.join("checkpoint"),
        checkpoint.signed(std::slice::from_ref(key)).to_string(),
    )?;
    Ok(writer.size())
}

/// Makes the lives on every core and hands their leaves on in order.
fn each(
    made: &Lives,
    lives: u64,
    mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let parts = lives.div_ceil(PART);
    let lanes = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    std::thread::scope(|scope| {
        let mut receivers = Vec::new();
        for lane in 0..lanes {
            let (sender, receiver) = sync_channel(2);
            receivers.push(receiver);
            scope.spawn(move || {
                let mut mine = (lane..parts).step_by(lanes as usize);
                let _ = mine.try_for_each(|part| {
                    let numbers = part * PART..((part + 1) * PART).min(lives);
                    sender.send(numbers.flat_map(|n| made.life(n)).collect::<Vec<_>>())
                });
            });
        }
        for part in 0..parts {
            let leaves = receivers[(part % lanes) as usize].recv()?;
            leaves.iter().try_for_each(|leaf| take(leaf))?;
        }
        Ok(())
    })
}
