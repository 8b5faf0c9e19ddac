//! Every statement of a clerk finds its rows by their full key, also as planned while the tables
//! are empty. A statement that scans keeps that plan for ever.

use crate::support::TestDb;
use diesel::sql_types::{Array, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tradein::infra::postgres::{Timeouts, clerk_connection};

fn all_statements() -> Vec<(&'static str, &'static str)> {
    [
        tradein::book::store::CLERK_STATEMENTS,
        tradein::identity::organisation::store::CLERK_STATEMENTS,
        tradein::identity::people::store::CLERK_STATEMENTS,
        tradein::identity::store::CLERK_STATEMENTS,
        tradein::programme::store::CLERK_STATEMENTS,
        tradein::programme::goods::store::CLERK_STATEMENTS,
        tradein::register::CLERK_STATEMENTS,
        tradein::old_item::store::CLERK_STATEMENTS,
        tradein::voucher::store::CLERK_STATEMENTS,
        tradein::redemption::store::CLERK_STATEMENTS,
        tradein::application::store::CLERK_STATEMENTS,
        tradein::application::document::store::CLERK_STATEMENTS,
        tradein::review::store::CLERK_STATEMENTS,
    ]
    .concat()
}

/// All prices of a product: the beginning of their key, and few.
const BY_PREFIX: &[(&str, &str)] = &[("FindFiledPrices", "filed_price_pkey without ")];

/// Run on the read pool, whose planner has everything.
const READS: &[&str] = &["FindFiledPrice", "ReadQuotas", "FindDealing", "ListCourses"];

#[derive(QueryableByName)]
struct Columns {
    #[diesel(sql_type = Array<Text>)]
    columns: Vec<String>,
}

fn clerk(db: &TestDb) -> PgConnection {
    let ten = Duration::from_secs(10);
    clerk_connection(&db.app_url(), Timeouts { lock: ten, statement: ten }).unwrap()
}

/// The generic plan of a statement, as JSON.
fn plan(connection: &mut PgConnection, name: &str, text: &str) -> Value {
    let mut parameters = 0;
    let numbered = |(at, part): (usize, &str)| {
        parameters = at;
        if at == 0 { part.to_owned() } else { format!("${at}{part}") }
    };
    let numbered: String = text.split('?').enumerate().map(numbered).collect();
    sql_query(format!("PREPARE \"{name}\" AS {numbered}")).execute(connection).unwrap();
    let nothing = vec!["NULL"; parameters].join(", ");
    let nothing = if nothing.is_empty() { nothing } else { format!("({nothing})") };
    // EXPLAIN gives its answer in a column with a blank in its name, of type json.
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE \"{name}\"{nothing}");
    #[derive(QueryableByName)]
    struct Explained {
        #[diesel(sql_type = diesel::sql_types::Json, column_name = "QUERY PLAN")]
        plan: Value,
    }
    let explained: Explained = sql_query(explain).get_result(connection).unwrap();
    explained.plan[0]["Plan"].clone()
}

/// What is wrong with a plan: a scan of a table, or an index that is not asked by its whole key.
fn complaints(connection: &mut PgConnection, node: &Value, found: &mut Vec<String>) {
    let text = |name: &str| node[name].as_str().unwrap_or_default();
    let kind = text("Node Type");
    if ["Seq Scan", "Bitmap Heap Scan", "Bitmap Index Scan"].contains(&kind) {
        found.push(format!("{kind} on {}", text("Relation Name")));
    }
    if ["Index Scan", "Index Only Scan"].contains(&kind) {
        let (index, condition) = (text("Index Name"), text("Index Cond"));
        let names = "SELECT array_agg(a.attname::text ORDER BY a.attnum) AS columns \
                     FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid AND i.indisunique \
                     JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = $1 GROUP BY c.oid";
        let columns: Vec<Columns> =
            sql_query(names).bind::<Text, _>(index).load(connection).unwrap();
        match columns.first() {
            None => found.push(format!("{index} is not unique")),
            Some(row) => {
                let asked = |column: &String| condition.contains(&format!("({column} = "));
                let missing = row.columns.iter().filter(|column| !asked(column));
                found.extend(missing.map(|it| format!("{index} without {it}: {condition}")));
            }
        }
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        complaints(connection, child, found);
    }
}

#[test]
fn a_clerk_finds_every_row_by_its_full_key() {
    let db = TestDb::new();
    let mut connection = clerk(&db);
    let mut found = Vec::new();
    for (name, text) in all_statements() {
        let plan = plan(&mut connection, name, text);
        let mut complained = Vec::new();
        complaints(&mut connection, &plan, &mut complained);
        let accepted = BY_PREFIX.iter().filter(|(of, _)| *of == name);
        let accepted: Vec<&str> = accepted.map(|(_, words)| *words).collect();
        complained.retain(|complaint| !accepted.iter().any(|words| complaint.starts_with(words)));
        found.extend(complained.into_iter().map(|complaint| format!("{name}: {complaint}")));
    }
    assert_eq!(found, Vec::<String>::new());
}

/// The naive forms are what the test is there for.
#[test]
fn a_statement_that_falls_into_the_plan_trap_is_found() {
    let db = TestDb::new();
    let mut connection = clerk(&db);
    for (name, text) in [
        ("whole", "SELECT fen FROM balance WHERE book_id = ?"),
        ("no_key", "SELECT leaf FROM entry WHERE kind = ?"),
        ("not_unique", "SELECT state FROM voucher WHERE book_id = ? AND person_id = ?"),
        (
            "joined",
            "SELECT v.state FROM unnest(?::uuid[]) u(id) JOIN voucher v ON v.redemption_id = u.id",
        ),
    ] {
        let plan = plan(&mut connection, name, text);
        let mut found = Vec::new();
        complaints(&mut connection, &plan, &mut found);
        assert!(!found.is_empty(), "{name}: {plan}");
    }
}

/// A set-based statement that is not in a slice's list would not be planned here.
#[test]
fn every_set_based_statement_is_in_a_list() {
    let listed: BTreeSet<&str> = all_statements().into_iter().map(|(name, _)| name).collect();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    let (mut seen, mut missing) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                for name in set_based(&path) {
                    seen += 1;
                    if !listed.contains(name.as_str()) {
                        missing.push(format!("{}: {name}", path.display()));
                    }
                }
            }
        }
    }
    assert!(seen > 20, "the statements are where they were: {seen}");
    assert_eq!(missing, Vec::<String>::new());
}

/// The names of the statements of a file that look rows up by keys that are unnested, or lock or
/// update them so. `Peek…` reads for a dry run and runs on the read pool.
fn set_based(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut names = Vec::new();
    let starts = ["statement! {", "select! {", "part! {"];
    for (at, _) in starts.iter().flat_map(|start| text.match_indices(start)) {
        let statement = &text[at..];
        let end = statement.find("\n}").unwrap_or(statement.len());
        let statement = &statement[..end];
        let name = statement.lines().skip(1).map(str::trim).find(|line| !line.starts_with("//"));
        let name = name.unwrap_or_default().trim_start_matches("pub ");
        let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
        let by_keys = statement.contains("LATERAL") || statement.contains("\"UPDATE");
        if statement.contains("unnest(") && by_keys && !name.is_empty() {
            names.push(name);
        }
    }
    names.retain(|name| !name.starts_with("Peek") && !READS.contains(&name.as_str()));
    names
}
