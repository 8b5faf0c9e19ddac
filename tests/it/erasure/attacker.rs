//! Somebody who holds everything but the vault's past: all tables of the service and of the vault
//! as they are, Redis, and every export. He puts together all rows that share an id, a digest or
//! a moment, but what everybody's rows share. He finds no leaf of an erased person, and no two
//! pseudonyms of anybody. With the vault's past he does.

use super::life::{Place, erase};
use crate::audit::exported::exported;
use crate::support::privacy::redis_text;
use crate::support::scratch::Scratch;
use crate::support::world::World;
use chrono::{DateTime, Utc};
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tradein::book::store::list_books;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}

fn rows(world: &World, text: &str) -> Vec<String> {
    let rows: Vec<Row> = sql_query(text).load(&mut world.db.owner()).expect("the owner reads");
    rows.into_iter().map(|row| row.text).collect()
}

/// Every row of the tables of these schemas, as JSON.
fn tables(world: &World, schemas: &str) -> Vec<String> {
    let tables = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) AS text FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' \
         AND n.nspname IN ({schemas}) AND c.relname NOT LIKE '\\_\\_%'"
    );
    let all = rows(world, &tables);
    assert!(all.len() > 4, "{all:?}");
    let of =
        |table: &String| rows(world, &format!("SELECT to_jsonb(t)::text AS text FROM {table} t"));
    all.iter().flat_map(of).collect()
}

fn everything(world: &World) -> Vec<String> {
    let mut found = tables(world, "'public', 'vault'");
    found.extend(redis_text(&world.redis).lines().map(str::to_owned));
    let folder = Scratch::new();
    let mut connection = world.db.owner();
    for book in list_books(&mut connection).expect("books") {
        let folder = folder.path().join(book.no.to_string());
        exported(&mut connection, &book, &folder).expect("an export");
        lines(&folder, &mut found);
    }
    found
}

/// The lines of the papers of an export. Its bundles hold the leaves once more.
fn lines(folder: &Path, found: &mut Vec<String>) {
    for file in std::fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        if let Ok(text) = std::fs::read_to_string(&path) {
            found.extend(text.lines().map(str::to_owned));
        }
    }
}

/// What can tie two rows together: ids and digests as hexadecimal digits, moments as microseconds.
/// A column of bytes is read as text, too.
fn tokens(row: &str) -> BTreeSet<String> {
    let mut text = row.to_owned();
    for bytes in row.split("\\\\x").skip(1) {
        let digits: String = bytes.chars().take_while(char::is_ascii_hexdigit).collect();
        if let Ok(inner) = String::from_utf8(hex::decode(&digits).unwrap_or_default()) {
            text += " ";
            text += &inner;
        }
    }
    let mut found = BTreeSet::new();
    // An id is written with hyphens and without.
    let joined = text.replace('-', "");
    for run in joined.split(|c: char| !c.is_ascii_hexdigit() || c.is_ascii_uppercase()) {
        if (16..=64).contains(&run.len()) {
            found.insert(run.to_owned());
        }
    }
    // A moment to the second is many people's.
    let moments = text.split('"').filter_map(|part| part.parse::<DateTime<Utc>>().ok());
    for moment in moments.filter(|moment| moment.timestamp_subsec_micros() != 0) {
        found.insert(format!("at {}", moment.timestamp_micros()));
    }
    found
}

/// Which tokens are tied to each other by rows.
#[derive(Default)]
struct Ties(BTreeMap<String, String>);

impl Ties {
    fn of(rows: &[String], shared: &BTreeSet<String>) -> Ties {
        let mut ties = Ties::default();
        for row in rows {
            let own: Vec<String> = tokens(row).difference(shared).cloned().collect();
            for pair in own.windows(2) {
                let (one, other) = (ties.root(&pair[0]), ties.root(&pair[1]));
                ties.0.insert(one, other);
            }
        }
        ties
    }

    fn root(&mut self, token: &str) -> String {
        let mut at = token.to_owned();
        while let Some(next) = self.0.get(&at).filter(|next| **next != at) {
            at = next.clone();
        }
        self.0.insert(token.to_owned(), at.clone());
        at
    }

    fn tie(&mut self, one: &str, other: &str) -> bool {
        self.root(one) == self.root(other)
    }
}

/// The rows that lead from one token to another, for the message of a failure.
fn chain(rows: &[String], shared: &BTreeSet<String>, one: &str, other: &str) -> String {
    let tokens: Vec<BTreeSet<String>> =
        rows.iter().map(|row| tokens(row).difference(shared).cloned().collect()).collect();
    let mut from: BTreeMap<String, (String, usize)> = BTreeMap::new();
    let mut next = vec![one.to_owned()];
    while let Some(at) = next.pop() {
        for (n, row) in tokens.iter().enumerate().filter(|(_, row)| row.contains(&at)) {
            for token in row.iter().filter(|token| *token != one) {
                if !from.contains_key(token) {
                    from.insert(token.clone(), (at.clone(), n));
                    next.insert(0, token.clone());
                }
            }
        }
    }
    let (mut told, mut at) = (String::new(), other.to_owned());
    while let Some((before, n)) = from.get(&at) {
        told = format!("{before} to {at} by {}\n{told}", rows[*n]);
        at.clone_from(before);
    }
    told
}

#[test]
fn a_row_is_tied_by_ids_digests_bytes_and_moments() {
    let id = "019a0000-0000-7000-8000-000000000001";
    let row = format!("{{\"id\": \"{id}\", \"at\": \"2025-06-10T04:00:00.000001+00:00\"}}");
    let found = tokens(&row);
    assert!(found.contains(&id.replace('-', "")) && found.contains("at 1749528000000001"));
    let inner = hex::encode(format!("{{\"person\":\"per_0_{}\"}}", id.replace('-', "")));
    assert!(tokens(&format!("{{\"body\": \"\\\\x{inner}\"}}")).contains(&id.replace('-', "")));
}

#[actix_web::test]
async fn without_the_vaults_past_nobody_links_a_leaf_to_an_erased_person() {
    let mut place = Place::new().await;
    // What this life and the place leave is what everybody's rows share.
    place.life(1, "诸葛秀英").await;
    let all = everything(place.world());
    let shared: BTreeSet<String> = all.iter().flat_map(|row| tokens(row)).collect();
    let mut people = Vec::new();
    for (n, name) in [(2, "欧阳望舒"), (3, "司马思齐"), (4, "慕容建国")] {
        people.push(place.life(n, name).await);
    }
    place.later().await;
    let subjects: Vec<_> = people.iter().map(|who| place.subjects(who.id)).collect();
    assert!(subjects.iter().all(|of| of.len() == 3), "{subjects:?}");
    let past = tables(place.world(), "'vault'");
    for who in &people {
        erase(place.world(), who.id, true).await.expect("nothing of his is open");
    }

    let present = everything(place.world());
    let leaves: BTreeSet<String> =
        rows(place.world(), "SELECT encode(leaf_hash, 'hex') AS text FROM entry")
            .into_iter()
            .filter(|hash| !shared.contains(hash))
            .collect();
    assert!(leaves.len() > 40, "each has a life of many entries");
    let mut ties = Ties::of(&present, &shared);
    for (who, mine) in people.iter().zip(&subjects) {
        let id = who.id.uuid().simple().to_string();
        assert!(!mine.iter().any(|(_, subject)| ties.tie(&id, subject)), "{id} is told");
        let told: Vec<_> = leaves.iter().filter(|leaf| ties.tie(&id, leaf)).collect();
        assert!(told.is_empty(), "{id} is tied to leaves {told:?}");
        for (one, subject) in mine {
            for (other, another) in subjects.iter().flatten() {
                let tied = one != other && ties.tie(subject, another);
                let chain = || chain(&present, &shared, subject, another);
                assert!(!tied, "pseudonyms of books {one} and {other} are tied: {}", chain());
            }
            // The rows still tell that a pseudonym's leaves are one pseudonym's.
            let told = leaves.iter().filter(|leaf| ties.tie(subject, leaf)).count();
            assert!(told > 1, "his leaves in book {one}");
        }
    }

    // The negative control: the same search over the same rows, with the vault's past.
    let with_past: Vec<String> = present.into_iter().chain(past).collect();
    let mut ties = Ties::of(&with_past, &shared);
    for (who, mine) in people.iter().zip(&subjects) {
        let id = who.id.uuid().simple().to_string();
        assert!(mine.iter().all(|(_, subject)| ties.tie(&id, subject)), "{id} is not told");
    }
}
