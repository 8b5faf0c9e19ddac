//! Old items on the real stack: commands of two books, and the same over HTTP.

mod commands;
mod http;

use crate::support::TestDb;
use chrono::NaiveDate;
use serde_json::Value as Json;
use std::sync::Arc;
use tradein::book::desk::Row;
use tradein::book::model::{Actor, Command};
use tradein::book::open::OpenBook;
use tradein::book::store::Stamp;
use tradein::book::{Envelope, REGISTER, Reply};
use tradein::http::problem::Language;
use tradein::identity::model::{Approval, ApprovalStatus, OrganisationKind};
use tradein::identity::organisation::change::{Approve, ChangeStatus};
use tradein::identity::organisation::model::{Granted, Organisation, Status, stamp_name};
use tradein::identity::organisation::register::RegisterOrganisation;
use tradein::identity::role::Scope;
use tradein::identity::token::Mint;
use tradein::infra::keys::KeyRing;
use tradein::infra::settings::Settings;
use tradein::kernel::id::BookNo;
use tradein::kernel::identifier::Serial;
use tradein::kernel::region::Region;
use tradein::old_item::admission::Admission;
use tradein::old_item::identifiers::Identifiers;
use tradein::old_item::model::{OldFacts, OldItem, PhotoHash};
use tradein::old_item::register::RegisterOldItem;
use tradein::old_item::store;
use tradein::wiring::Wiring;
use uuid::Uuid;

/// A deployment with two open books of appliances, in Shanghai and in Suzhou, in June 2040: time
/// in a book never runs back, and the books begin today.
struct World {
    wiring: Wiring,
    mint: Mint,
    shanghai: BookNo,
    suzhou: BookNo,
    // Last, so that the database goes after those who use it.
    db: TestDb,
}

/// An answer as a caller sees it.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    body: Vec<u8>,
    replayed: bool,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl World {
    async fn new() -> World {
        let db = TestDb::new();
        let mut settings = Settings::load(None).unwrap();
        settings.database.url = db.app_url().into();
        // Nothing here asks Redis; this address answers nobody.
        settings.redis.url = "redis://127.0.0.1:1/0".to_owned().into();
        let mint = Mint::from_pem(&Mint::generate_pem(), &settings.tokens.audience).unwrap();
        let wiring = Wiring::sandbox(settings, KeyRing::sandbox(), &mint).unwrap();
        wiring.clock.set("2040-06-01T02:00:00Z".parse().unwrap());
        let mut world = World { wiring, mint, shanghai: 0, suzhou: 0, db };
        world.shanghai = world.open("310000", "appliance").await;
        world.suzhou = world.open("320500", "appliance").await;
        world.admit().await;
        world
    }

    async fn open(&self, region: &str, family: &str) -> BookNo {
        let (region, family) = (region.parse().unwrap(), family.to_owned());
        let command = OpenBook { region, family, year: 2040, prepared: false, id: Uuid::now_v7() };
        let answer = self.submit(REGISTER, None, command).await;
        assert_eq!(answer.status, 201);
        answer.json()["book"]["book_no"].as_i64().unwrap().try_into().unwrap()
    }

    /// Registers the recycler, and approves it for appliances everywhere.
    async fn admit(&self) {
        let organisation = Organisation {
            id: recycler(),
            kind: OrganisationKind::Recycler,
            name: "回收".to_owned().try_into().unwrap(),
            uscc: "91330100716105852F".parse().unwrap(),
            region: Region::NATION,
            status: Status::Active,
            version: 0,
        };
        let command = RegisterOrganisation { organisation, stores: Vec::new() };
        assert_eq!(self.submit(REGISTER, None, command).await.status, 201);
        let approval = Approval {
            region: Region::NATION,
            family: "appliance".to_owned(),
            classes: Vec::new(),
            from: day("2040-01-01"),
            to: None,
            status: ApprovalStatus::Active,
        };
        let granted = Granted { organisation: recycler(), id: Uuid::now_v7(), approval };
        assert_eq!(self.submit(REGISTER, None, Approve { granted }).await.status, 201);
    }

    /// Suspends it.
    async fn suspend(&self) {
        let reach = "100000/*".parse().unwrap();
        let scope = Scope::new(vec![reach]);
        let command = ChangeStatus { organisation: recycler(), to: Status::Suspended, scope };
        assert_eq!(self.submit(REGISTER, None, command).await.status, 200);
    }

    /// Submits as the recycler, with a key where one is given. A stale command has status 0.
    async fn submit(
        &self,
        book: BookNo,
        key: Option<&str>,
        command: impl Command + 'static,
    ) -> Answer {
        let envelope = Envelope {
            actor: Actor::Organisation { role: "recycler", id: recycler() },
            key: key.map(str::to_owned),
            fingerprint: [0; 16],
            language: Language::English,
            request_id: "test".to_owned(),
            command: Arc::new(command),
        };
        match self.wiring.books.submit(book, envelope).await.unwrap() {
            Reply::Answer { status, body, replayed, .. } => Answer { status, body, replayed },
            Reply::Stale => Answer { status: 0, body: b"{}".to_vec(), replayed: false },
            _ => panic!("the command was not answered"),
        }
    }

    fn item(&self, book: BookNo, id: Uuid) -> Option<OldItem> {
        store::find(&mut self.db.app(), book, id).unwrap()
    }

    /// The leaves of a book.
    fn leaves(&self, book: BookNo) -> Vec<Vec<u8>> {
        let entries = tradein::book::store::list_entries(&mut self.db.app(), book, 0, 100);
        entries.unwrap().into_iter().map(|(leaf, _)| leaf).collect()
    }
}

fn recycler() -> Uuid {
    Uuid::from_u128(0x0192 << 112 | 1)
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A fridge with this serial number, handed over on the day before.
fn fridge(serial: &Serial) -> RegisterOldItem {
    let identifiers = Identifiers { serial: Some(serial.clone()), ..Identifiers::default() };
    RegisterOldItem {
        item: Uuid::now_v7(),
        recycler: recycler(),
        store: None,
        class: "appliance.refrigerator".parse().unwrap(),
        owner: Some(owner()),
        marks: identifiers.marks(&KeyRing::sandbox()),
        facts: OldFacts::default(),
        photos: vec![PhotoHash::try_from("ab".repeat(32)).unwrap()],
        handed_over_on: day("2040-05-31"),
        admission: admitted(),
    }
}

/// What a handler finds of the recycler: registered and approved, which made two changes.
fn admitted() -> Admission {
    Admission { refusal: None, stamp: Stamp { name: stamp_name(recycler()), version: 2 } }
}

fn owner() -> Uuid {
    Uuid::from_u128(0x0192 << 112 | 0xfeed)
}

/// The rank keeps items before the vouchers that they are bound to.
#[test]
fn old_items_are_saved_before_vouchers_and_marks() {
    use tradein::{register::model::Mark, voucher::model::Voucher};
    const { assert!(OldItem::RANK < Voucher::RANK && OldItem::RANK < Mark::RANK) }
}
