//! Books without a service around them, and commands that break in every way.

use crate::support::TestDb;
use diesel::{PgConnection, RunQueryDsl, sql_query};
use std::sync::Arc;
use std::time::Duration;
use tradein::book::desk::{Ask, Desk};
use tradein::book::model::{Actor, Command, Decision, Fault, Outcome};
use tradein::book::open::{OpenBook, ProposeAppropriation};
use tradein::book::{Books, ClerkSettings, Envelope, REGISTER, Reply};
use tradein::http::problem::{Language, Problem};
use tradein::infra::clock::Clock;
use tradein::infra::postgres::{Timeouts, read_pool};
use tradein::kernel::id::BookNo;
use tradein::kernel::money::Fen;
use tradein::register::model::{PersonRef, Tally};
use uuid::Uuid;

pub struct Engine {
    pub books: Arc<Books>,
    pub clock: Arc<Clock>,
    // Last, so that the database goes after those who use it.
    pub db: TestDb,
}

impl Engine {
    pub fn new() -> Engine {
        let db = TestDb::new();
        let (url, clock) = (db.app_url(), Arc::new(Clock::default()));
        Engine { books: books(&url, 256, 2_048, clock.clone()), clock, db }
    }

    /// The same database through another address, or with a smaller queue.
    pub fn also(&self, url: &str, batch: usize, queue: usize) -> Arc<Books> {
        books(url, batch, queue, Arc::new(Clock::default()))
    }

    /// Opens a book of appliances.
    pub async fn open(&self, region: &str) -> BookNo {
        let (region, family) = (region.parse().unwrap(), "appliance".to_owned());
        let command = OpenBook { region, family, year: 2040, prepared: false, id: Uuid::now_v7() };
        let answer = self.books.submit(REGISTER, envelope(None, command)).await.unwrap();
        let Reply::Answer { status: 201, body, .. } = answer else { panic!("a book is opened") };
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        body["book"]["book_no"].as_i64().unwrap().try_into().unwrap()
    }

    /// How many entries a book has.
    pub fn entries(&self, book: BookNo) -> usize {
        tradein::book::store::list_entries(&mut self.db.app(), book, 0, 100_000).unwrap().len()
    }
}

fn books(url: &str, batch: usize, queue: usize, clock: Arc<Clock>) -> Arc<Books> {
    // The locks of these tests are held on purpose, and not for long.
    let timeouts =
        Timeouts { lock: Duration::from_millis(150), statement: Duration::from_secs(10) };
    let settings = ClerkSettings { database_url: url.to_owned(), timeouts, batch, queue, clock };
    Arc::new(Books::new(settings, read_pool(url, 2, timeouts)))
}

pub fn envelope(key: Option<&str>, command: impl Command + 'static) -> Envelope {
    Envelope {
        actor: Actor::System,
        key: key.map(str::to_owned),
        fingerprint: [0; 16],
        language: Language::English,
        request_id: "test".to_owned(),
        command: Arc::new(command),
    }
}

/// A command that is always taken: one entry, one row, no money.
pub fn propose(fen: i64) -> ProposeAppropriation {
    let document_sha256 = "ab".repeat(32);
    ProposeAppropriation { id: Uuid::now_v7(), amount: Fen(fen), document_sha256, by: "a".into() }
}

pub fn status(reply: &Result<Reply, Problem>) -> u16 {
    match reply {
        Ok(Reply::Answer { status, .. }) => *status,
        Ok(Reply::Stale | Reply::Busy | Reply::Failed) => 0,
        Err(problem) => problem.status,
    }
}

/// Passes its decision, and breaks a CHECK when it is saved.
pub struct Poison;

fn nobody() -> (PersonRef, String) {
    (PersonRef { bucket: 1, id: Uuid::from_u128(1) }, "310000/2040/poison".to_owned())
}

impl Command for Poison {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.take::<Tally>(nobody());
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let mut tally = desk.get::<Tally>(&nobody())?.cloned().unwrap();
        tally.held_fen = -1;
        tally.version += 1;
        desk.put(tally);
        Ok(Decision::Done(Outcome {
            status: 200,
            body: serde_json::json!({}),
            ..Outcome::default()
        }))
    }
}

/// Panics where its field says.
pub enum Panics {
    InNeeds,
    InDecide,
    WithAFault,
}

impl Command for Panics {
    fn needs(&self, _: &mut Ask<'_>) {
        assert!(!matches!(self, Panics::InNeeds), "a test's own panic");
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        match self {
            Panics::InDecide => panic!("a test's own panic"),
            // A row that was never asked for.
            _ => desk.get::<Tally>(&nobody()).map(|_| Decision::Stale),
        }
    }
}

/// Holds the head of a book until it is dropped.
pub struct HeldHead(PgConnection);

impl HeldHead {
    pub fn of(db: &TestDb, book: BookNo) -> HeldHead {
        let mut connection = db.owner();
        sql_query("BEGIN").execute(&mut connection).unwrap();
        let lock = format!("SELECT 1 FROM book_head WHERE book_id = {book} FOR UPDATE");
        sql_query(lock).execute(&mut connection).unwrap();
        HeldHead(connection)
    }
}

impl Drop for HeldHead {
    fn drop(&mut self) {
        let _ = sql_query("COMMIT").execute(&mut self.0);
    }
}
