//! A small world: programmes and goods, shops, a recycler and offices, books with money, people.

use super::client::{Answer, Call, Client, Who};
use super::firms::{Firm, Firms, official, who};
use super::print::{Page, yuan};
use super::server::Sandbox;
use super::{goods, programmes};
use crate::identity::model::PersonId;
use crate::identity::role::Role;
use crate::identity::token::{Mint, Standing};
use crate::infra::clock::Clock;
use crate::kernel::canonical;
use crate::kernel::identifier::{IdNumber, Identifier};
use crate::kernel::money::Fen;
use crate::kernel::time::{Moment, local_text};
use anyhow::{anyhow, bail, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use uuid::Uuid;

const SHANGHAI_GOODS: &[&str] = &["appliance", "digital", "ebike"];

/// What a book is given when it is opened, and again when most of it is gone.
const BUDGET: Fen = Fen::yuan(1_000_000);

/// A time in which stories play: the books of one year.
pub struct Era {
    pub year: i32,
    /// When its stories begin in a new data folder, and after which they do not begin any more.
    begins: &'static str,
    ends: &'static str,
    /// Region and family of its books.
    books: &'static [(&'static str, &'static str)],
}

pub const ERAS: [Era; 3] = [
    Era {
        year: 2024,
        begins: "2024-10-08T10:00:00+08:00",
        ends: "2024-12-20T00:00:00+08:00",
        books: &[("310000", "appliance"), ("310000", "ebike")],
    },
    Era {
        year: 2025,
        begins: "2025-03-12T10:00:00+08:00",
        ends: "2025-09-01T00:00:00+08:00",
        books: &[("330300", "home"), ("310000", "digital"), ("310000", "car")],
    },
    Era {
        year: 2026,
        begins: "2026-01-12T10:00:00+08:00",
        ends: "2026-12-10T00:00:00+08:00",
        books: &[("320500", "appliance")],
    },
];

/// A registered person with his token.
#[derive(Clone, Debug)]
pub struct Citizen {
    pub who: Who,
    pub id: String,
}

/// An open book.
#[derive(Clone, Debug)]
pub struct Book {
    pub no: i64,
    pub name: String,
}

/// Everything that the stories need.
pub struct World {
    pub client: Client,
    /// Reads every book.
    pub auditor: Who,
    /// Appliances, telephones and e-bikes in Shanghai.
    pub hongqiao: Firm,
    /// Another shop in Shanghai.
    pub xuhui: Firm,
    pub recycler: Firm,
    pub dismantler: Firm,
    pub wenzhou: Firm,
    /// Two shops in Suzhou.
    pub suzhou: [Firm; 2],
    pub reviewers: [Who; 2],
    books: Mutex<Vec<Book>>,
    provider: Firm,
    admin: Who,
    finance: [Who; 2],
    mint: Arc<Mint>,
    clock: Arc<Clock>,
}

impl World {
    /// Makes what is missing of the world; a second run finds most of it.
    pub async fn make(
        sandbox: &Sandbox,
        page: &Page,
        texts: &[(String, String)],
    ) -> anyhow::Result<World> {
        let client = Client::new(&sandbox.url)?;
        let (mint, clock) = (sandbox.mint.clone(), sandbox.wiring.clock.clone());
        let admin = official(&mint, Role::ProgrammeAdmin, "admin")?;
        page.heading("The world");
        page.line("    checks and publishes the programmes, each with its own worked examples …");
        let news = programmes::publish(&client, &admin, texts).await?;
        page.good(&format!("{} programmes, {news} of them new", texts.len()));
        let loaded = goods::load(&sandbox.wiring.books, &sandbox.wiring.pool).await?;
        page.good(&loaded);
        let firms = Firms { client: &client, admin: &admin, mint: &mint };
        let world = World {
            auditor: official(&mint, Role::Auditor, "auditor")?,
            hongqiao: firms.find(1, "retailer", "上海虹桥电器", "310000", SHANGHAI_GOODS).await?,
            xuhui: firms.find(2, "retailer", "上海徐汇数码", "310000", SHANGHAI_GOODS).await?,
            recycler: firms.find(3, "recycler", "上海绿环回收", "310000", SHANGHAI_GOODS).await?,
            dismantler: firms.find(8, "dismantler", "上海宝山拆解", "310000", &["car"]).await?,
            reviewers: [
                official(&mint, Role::Reviewer, "reviewer")?,
                official(&mint, Role::Reviewer, "another reviewer")?,
            ],
            wenzhou: firms.find(4, "retailer", "温州鹿城卫浴", "330300", &["home"]).await?,
            suzhou: [
                firms.find(5, "retailer", "苏州观前电器", "320500", &["appliance"]).await?,
                firms.find(6, "retailer", "苏州园区电器", "320500", &["appliance"]).await?,
            ],
            provider: firms.find(7, "real_name_provider", "沙箱实名核验", "310000", &[]).await?,
            finance: [
                official(&mint, Role::Finance, "finance one")?,
                official(&mint, Role::Finance, "finance two")?,
            ],
            books: Mutex::default(),
            client: client.clone(),
            admin: admin.clone(),
            mint,
            clock,
        };
        page.good(
            "5 shops, 1 recycler, 1 dismantler, 1 real-name provider, each with its credit code",
        );
        Ok(world)
    }

    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Lets time pass.
    pub fn later(&self, by: TimeDelta) {
        self.clock.set(self.clock.now() + by);
    }

    /// The books that are open so far.
    pub fn books(&self) -> Vec<Book> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The book of a name.
    pub fn book(&self, name: &str) -> i64 {
        self.books().iter().find(|book| book.name == name).map_or(-1, |book| book.no)
    }

    /// Moves to a year: later than everything in its books, which are opened and given money
    /// where they are not yet.
    pub async fn enter(&self, era: &Era, page: &Page) -> anyhow::Result<()> {
        let begins = era.begins.parse::<Moment>()?;
        self.clock.set(begins);
        let mut start = begins;
        for (region, family) in era.books {
            let book = self.open(region, family, era.year).await?;
            if let Some(last) = self.last_moment(&book).await? {
                start = start.max(last + TimeDelta::hours(1));
            }
        }
        ensure!(
            start < era.ends.parse::<Moment>()?,
            "the stories of this data folder have used up {}: start over with --fresh",
            era.year
        );
        self.clock.set(start);
        // What an interrupted run has left.
        self.leave(era).await?;
        for book in self.books().iter().filter(|book| book.name.ends_with(&era.year.to_string())) {
            self.fund(book, page).await?;
        }
        Ok(())
    }

    async fn open(&self, region: &str, family: &str, year: i32) -> anyhow::Result<Book> {
        let name = format!("{region}/{family}/{year}");
        let listed = self.client.must(&self.admin, Call::get("/v1/books")).await?;
        let known = listed.body["data"].as_array().into_iter().flatten();
        let known = known.filter(|book| book["name"] == name.as_str());
        let no = match known.filter_map(|book| book["book_no"].as_i64()).next() {
            Some(no) => no,
            None => {
                let body = json!({"region": region, "family": family, "year": year});
                let opened = self.client.must(&self.admin, Call::post("/v1/books", body)).await?;
                opened.fen_at("/book/book_no")
            }
        };
        let book = Book { no, name };
        self.books.lock().unwrap_or_else(PoisonError::into_inner).push(book.clone());
        Ok(book)
    }

    /// Two persons of finance give a book money: one proposes, the other approves.
    async fn fund(&self, book: &Book, page: &Page) -> anyhow::Result<()> {
        let left = self.balances(book.no).await?.fen_at("/balances_fen/available");
        if left > BUDGET.0 / 5 {
            page.good(&format!("book {}: {} yuan available", book.name, yuan(left)));
            return Ok(());
        }
        let path = format!("/v1/books/{}/appropriations", book.no);
        let paper = hex::encode(canonical::sha256(book.name.as_bytes()));
        let body = json!({"amount_fen": BUDGET, "document_sha256": paper});
        let [one, other] = &self.finance;
        let proposed = self.client.must(one, Call::post(&path, body)).await?;
        let path = format!("{path}/{}/approve", proposed.text_at("/appropriation/id"));
        let alone = self.client.send(one, &Call::post(&path, json!({}))).await?;
        ensure!(alone.code() == "SECOND_PERSON_REQUIRED", "one person gave money alone");
        self.client.must(other, Call::post(&path, json!({}))).await?;
        page.good(&format!("book {}: {} yuan", book.name, yuan(BUDGET.0)));
        page.note("proposed by one person of finance, approved by another");
        Ok(())
    }

    /// Lets the open vouchers of a year end before a later one is entered, where the sweep would
    /// end them at a moment of that year. Whole stories leave none; in the last year they may stay.
    pub async fn leave(&self, era: &Era) -> anyhow::Result<()> {
        if era.year == ERAS[ERAS.len() - 1].year {
            return Ok(());
        }
        let mut waited = false;
        // An application that an interrupted run has left has no end.
        let ends = |book: &&Book| !book.name.contains("/car/");
        let of_era = |book: &&Book| book.name.ends_with(&era.year.to_string());
        for book in self.books().iter().filter(of_era).filter(ends) {
            if self.held(book.no).await? == 0 {
                continue;
            }
            if !waited {
                self.later(TimeDelta::days(9));
                waited = true;
            }
            self.until_nothing_is_held(book.no).await?;
        }
        Ok(())
    }

    /// Waits for the sweep, which runs every second.
    pub async fn until_nothing_is_held(&self, book: i64) -> anyhow::Result<()> {
        for _ in 0..100 {
            if self.held(book).await? == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the sweep has not ended what is over in book {book}")
    }

    pub async fn held(&self, book: i64) -> anyhow::Result<i64> {
        Ok(self.balances(book).await?.fen_at("/balances_fen/held"))
    }

    pub async fn balances(&self, book: i64) -> anyhow::Result<Answer> {
        self.client.must(&self.auditor, Call::get(format!("/v1/books/{book}/balances"))).await
    }

    /// A page of a book's entries, and where the next begins.
    pub async fn entries(&self, book: i64, from: i64) -> anyhow::Result<(Vec<Value>, Option<i64>)> {
        let path = format!("/v1/books/{book}/entries?from={from}&limit=200");
        let page = self.client.must(&self.auditor, Call::get(path)).await?;
        let data = page.body["data"].as_array().cloned().unwrap_or_default();
        Ok((data, page.body["next"].as_i64()))
    }

    async fn last_moment(&self, book: &Book) -> anyhow::Result<Option<Moment>> {
        let size = self.balances(book.no).await?.fen_at("/tree_size");
        let (last, _) = self.entries(book.no, (size - 1).max(0)).await?;
        let at = last.last().and_then(|entry| entry["leaf"]["at"].as_str());
        Ok(at.map(str::parse).transpose()?)
    }

    /// Registers somebody new: the provider has checked the identity, which is made up.
    pub async fn citizen(&self, name: &str) -> anyhow::Result<Citizen> {
        for _ in 0..8 {
            let number = IdNumber::synthetic(Uuid::new_v4().as_u128() as u64 % 60_000_000);
            let body = json!({
                "document": "resident_card",
                "id_number": number.reveal(),
                "name": name,
                "mobile": format!("138{:08}", Uuid::new_v4().as_u128() % 100_000_000),
                "consent": {"text": "sandbox/1", "purposes": ["identity", "location"]},
            });
            let call = Call::post("/v1/people", body);
            let answer = self.client.must(&self.provider.who, call).await?;
            // 200: by chance somebody of an earlier run. The stories want people without a past.
            if answer.status == 201 {
                let id = answer.text_at("/person/id");
                let person: PersonId = id.parse()?;
                let who = who(&self.mint, Role::Person, name, Standing::Person(person))?;
                return Ok(Citizen { who, id });
            }
        }
        Err(anyhow!("no new identity was found for {name}"))
    }

    /// One token a role, for a person who tries things.
    pub fn tokens(&self, person: &Citizen) -> anyhow::Result<Vec<(Role, String)>> {
        let token = |firm: &Firm| firm.who.token.clone();
        let mut tokens = vec![
            (Role::Person, person.who.token.clone()),
            (Role::Retailer, token(&self.suzhou[0])),
            (Role::Recycler, token(&self.recycler)),
            (Role::RealNameProvider, token(&self.provider)),
            (Role::ProgrammeAdmin, self.admin.token.clone()),
            (Role::Finance, self.finance[0].token.clone()),
            (Role::Auditor, self.auditor.token.clone()),
        ];
        tokens.push((Role::Dismantler, token(&self.dismantler)));
        tokens.push((Role::Reviewer, self.reviewers[0].token.clone()));
        Ok(tokens)
    }

    /// The sandbox's time, as a heading shows it.
    pub fn today(&self) -> String {
        local_text(self.now()).chars().take(16).collect::<String>().replace('T', " ")
    }
}
