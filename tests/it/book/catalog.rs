//! The migrated schema keeps its promises: distributable keys, names of one's own, nothing that
//! works behind the program's back, and a ledger that the serving role can only append to.

use crate::support::TestDb;
use diesel::sql_types::{Bool, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Small tables that hardly change: a copy stands on every node.
const REFERENCE: &[&str] = &[
    "book",
    "programme",
    "stamp",
    "organisation",
    "store",
    "approval",
    "gate_epoch",
    "goods",
    "filed_price",
];

/// What crosses books, and people: keyed by bucket.
const REGISTERS: &[&str] = &["quota", "mark", "tally", "person", "identity"];

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    relation: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct May {
    #[diesel(sql_type = Bool)]
    may: bool,
}

fn found(connection: &mut PgConnection, text: &str) -> Vec<(String, String)> {
    let rows: Vec<Found> = sql_query(text).load(connection).unwrap();
    rows.into_iter().map(|row| (row.relation, row.name)).collect()
}

/// Our own tables.
const OURS: &str = "n.nspname IN ('public', 'vault') AND c.relname <> '__diesel_schema_migrations'";

/// Keys that begin otherwise. A code names its book, so its digest is unique over all books; with
/// the book before it, a planner without statistics cannot tell this index from the primary key.
const EXCEPT: &[(&str, &str)] = &[("voucher", "code_digest")];

#[test]
fn every_key_begins_with_book_or_bucket() {
    let db = TestDb::new();
    let text = format!(
        "SELECT c.relname::text AS relation, a.attname::text AS name FROM pg_index i \
         JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE {OURS} \
         UNION SELECT c.relname::text, a.attname::text FROM pg_constraint k \
         JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1] \
         WHERE k.contype = 'f' AND {OURS}"
    );
    let mut complaints = String::new();
    let keys = found(&mut db.owner(), &text);
    assert!(keys.len() > 15, "the tables are there: {keys:?}");
    for (table, first) in keys {
        let due = if REGISTERS.contains(&table.as_str()) { "bucket" } else { "book_id" };
        let excepted = EXCEPT.contains(&(table.as_str(), first.as_str()));
        if first != due && !excepted && !REFERENCE.contains(&table.as_str()) {
            writeln!(complaints, "a key of {table} begins with {first}, not {due}").unwrap();
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn every_constraint_has_a_name_of_its_own_and_none_is_deferrable() {
    let db = TestDb::new();
    let written: String = migrations().into_iter().map(|(_, text)| text).collect();
    let text = format!(
        "SELECT c.relname::text AS relation, k.conname::text AS name FROM pg_constraint k \
         JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND {OURS}"
    );
    for (table, name) in found(&mut db.owner(), &text) {
        assert!(written.contains(&format!("CONSTRAINT {name} ")), "{table}.{name} is not written");
    }
    let text = "SELECT conrelid::regclass::text AS relation, conname::text AS name \
                FROM pg_constraint WHERE condeferrable";
    assert_eq!(found(&mut db.owner(), text), []);
}

#[test]
fn nothing_works_behind_the_programs_back() {
    let db = TestDb::new();
    for (what, text) in [
        (
            "trigger",
            "SELECT tgrelid::regclass::text AS relation, tgname::text AS name \
          FROM pg_trigger WHERE NOT tgisinternal",
        ),
        (
            "rule",
            "SELECT tablename::text AS relation, rulename::text AS name FROM pg_rules \
          WHERE schemaname IN ('public', 'vault')",
        ),
        (
            "sequence",
            "SELECT schemaname::text AS relation, sequencename::text AS name \
          FROM pg_sequences",
        ),
        (
            "identity",
            "SELECT attrelid::regclass::text AS relation, attname::text AS name \
          FROM pg_attribute WHERE attidentity <> '' OR attgenerated <> ''",
        ),
        (
            "policy",
            "SELECT polrelid::regclass::text AS relation, polname::text AS name \
          FROM pg_policy",
        ),
        (
            "index on a state",
            "SELECT i.indrelid::regclass::text AS relation, \
          a.attname::text AS name FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid \
          AND a.attnum = ANY(i.indkey) WHERE a.attname IN ('state', 'status')",
        ),
    ] {
        let text = text.replace("pg_trigger WHERE", "pg_trigger WHERE true AND");
        assert_eq!(found(&mut db.owner(), &text), [], "a {what}");
    }
    // Time and ids come from the application: a default would hide one that is missing.
    let text = format!(
        "SELECT c.relname::text AS relation, a.attname::text AS name FROM pg_attrdef d \
         JOIN pg_class c ON c.oid = d.adrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum WHERE {OURS}"
    );
    assert_eq!(found(&mut db.owner(), &text), [], "a default");
}

#[test]
fn the_serving_role_appends_to_the_ledger_and_does_nothing_else_to_it() {
    let db = TestDb::new();
    let mut app = db.app();
    let mut may = |table: &str, what: &str| -> bool {
        let text = "SELECT has_table_privilege($1, $2) AS may";
        let row: May = sql_query(text)
            .bind::<Text, _>(table)
            .bind::<Text, _>(what)
            .get_result(&mut app)
            .unwrap();
        row.may
    };
    for table in ["entry", "answer", "programme"] {
        for what in ["SELECT", "INSERT"] {
            assert!(may(table, what), "{what} on {table}");
        }
        for what in ["UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"] {
            assert!(!may(table, what), "{what} on {table}");
        }
    }
    let text = format!(
        "SELECT n.nspname || '.' || c.relname AS relation, '' AS name FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND {OURS}"
    );
    for (table, _) in found(&mut db.owner(), &text) {
        for what in ["DELETE", "TRUNCATE", "TRIGGER"] {
            assert!(!may(&table, what), "{what} on {table}");
        }
    }
}

#[test]
fn a_migration_changes_one_thing() {
    for (name, text) in migrations() {
        let code: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .fold(String::new(), |code, line| code + line + "\n");
        let statements: Vec<&str> =
            code.split(';').map(str::trim).filter(|text| !text.is_empty()).collect();
        let first = |text: &&str| text.split_whitespace().next().unwrap_or_default().to_owned();
        let words: Vec<String> = statements.iter().map(first).collect();
        let changes = words.iter().filter(|word| ["CREATE", "ALTER", "DROP"].contains(&&***word));
        assert!(changes.count() <= 1, "{name}: {words:?}");
        let allowed =
            BTreeSet::from(["CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "INSERT", "COMMENT"]);
        assert!(words.iter().all(|word| allowed.contains(word.as_str())), "{name}: {words:?}");
    }
}

fn migrations() -> Vec<(String, String)> {
    let folder = format!("{}/migrations", env!("CARGO_MANIFEST_DIR"));
    let mut all: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(path.join("up.sql")).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), text)
        })
        .collect();
    all.sort();
    all
}
