//! Invariant 10, looked for: no clear identity outside the vault.

use super::{TestDb, TestRedis};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use sha2::{Digest, Sha256};

/// Where something was found that may not be there.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    pub table: String,
    /// Which of the needles: its place in the list.
    pub needle: usize,
    /// As what it stands there.
    pub form: &'static str,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Searches every column of every table outside the schema `vault` for these texts: as they are,
/// in the bytes of a `bytea`, escaped or in base64, and as a plain SHA-256 that could be tried
/// out. Of a digest the first 8 bytes are enough, so that a shortened one is found, too.
pub fn search(db: &TestDb, needles: &[&str]) -> Vec<Leak> {
    let connection = &mut db.owner();
    let tables = "SELECT format('%I.%I', n.nspname, c.relname) AS text FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 'p') \
         AND n.nspname NOT IN ('vault', 'pg_catalog', 'information_schema', 'pg_toast')";
    let tables: Vec<Row> = sql_query(tables).load(connection).expect("tables can be listed");
    assert!(tables.len() > 10, "the tables are where they were");
    let mut leaks = Vec::new();
    for Row { text: table } in tables {
        // A row as text holds all its columns; a bytea stands in it as hexadecimal digits.
        let mut rows: Vec<Row> = sql_query(format!("SELECT t::text AS text FROM {table} t"))
            .load(connection)
            .expect("the owner reads every table");
        // Inside a row PostgreSQL doubles what would end a column.
        for row in &mut rows {
            row.text = row.text.replace("\\\\", "\\").replace("\"\"", "\"");
        }
        for (needle, text) in needles.iter().enumerate() {
            for (form, looks_like) in forms(text) {
                if rows.iter().any(|row| row.text.contains(&looks_like)) {
                    leaks.push(Leak { table: table.clone(), needle, form });
                }
            }
        }
    }
    leaks.sort();
    leaks
}

/// The needles that stand in a text, in any of the forms.
pub fn search_text(text: &str, needles: &[&str]) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (needle, looked_for) in needles.iter().enumerate() {
        let forms = forms(looked_for).into_iter();
        let here = forms.filter(|(_, looks_like)| text.contains(looks_like));
        found.extend(here.map(|(form, _)| (needle, form)));
    }
    found
}

/// Every key and value of a Redis, of whatever type, as text and as hexadecimal digits.
pub fn redis_text(redis: &TestRedis) -> String {
    let mut connection = redis.connect();
    let mut text = String::new();
    let mut put = |bytes: &[u8]| {
        text += &format!("{} {}\n", String::from_utf8_lossy(bytes), hex::encode(bytes));
    };
    let mut cursor = 0;
    loop {
        let (next, keys): (u64, Vec<Vec<u8>>) =
            ::redis::cmd("SCAN").arg(cursor).query(&mut connection).expect("a scan");
        for key in keys {
            put(&key);
            let kind: String =
                ::redis::cmd("TYPE").arg(&key).query(&mut connection).expect("a type");
            let (read, bounds): (_, &[i64]) = match kind.as_str() {
                "string" => ("GET", &[]),
                "hash" => ("HGETALL", &[]),
                "set" => ("SMEMBERS", &[]),
                "zset" => ("ZRANGE", &[0, -1]),
                "list" => ("LRANGE", &[0, -1]),
                other => panic!("how is a {other} read?"),
            };
            let mut read = ::redis::cmd(read);
            read.arg(&key).arg(bounds);
            if kind == "string" {
                put(&read.query::<Vec<u8>>(&mut connection).expect("a value"));
            } else {
                let values: Vec<Vec<u8>> = read.query(&mut connection).expect("values");
                values.iter().for_each(|value| put(value));
            }
        }
        cursor = next;
        if cursor == 0 {
            return text;
        }
    }
}

fn forms(needle: &str) -> Vec<(&'static str, String)> {
    assert!(needle.chars().count() > 1, "a needle of one character is found everywhere");
    let escape = |c: char| match c.is_ascii() {
        true => c.to_string(),
        false => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    let escaped: String = needle.chars().map(escape).collect();
    let digest = Sha256::digest(needle);
    let mut forms = vec![
        ("text", needle.to_owned()),
        ("bytes", hex::encode(needle)),
        ("SHA-256", hex::encode(&digest[..8])),
    ];
    if escaped != needle {
        forms.push(("escaped bytes", hex::encode(&escaped)));
        forms.push(("escaped", escaped));
    }
    // A short text in base64 is too short to be told from chance.
    if needle.len() >= 6 {
        let coded = STANDARD_NO_PAD.encode(needle);
        // The last character depends on what follows.
        let coded = &coded[..coded.len() - 1];
        forms.push(("base64 bytes", hex::encode(coded)));
        forms.push(("base64", coded.to_owned()));
    }
    forms
}

#[test]
fn a_leak_is_found_in_every_form_and_the_vault_may_keep_it() {
    use diesel::connection::SimpleConnection;
    let db = TestDb::new();
    let needles = ["11010519491231002X", "张三丰"];
    assert_eq!(search(&db, &needles), []);
    let put = |value: &str, column: &str| {
        db.owner()
            .batch_execute(&format!(
                "DROP TABLE IF EXISTS leak; CREATE TABLE leak (one {column}); \
                 INSERT INTO leak VALUES ({value})"
            ))
            .unwrap();
    };
    for (value, column, form) in [
        ("'no 11010519491231002X.'", "text", "text"),
        ("'{\"a\":[\"张三丰\"]}'", "jsonb", "text"),
        ("ARRAY['x', '张三丰']", "text[]", "text"),
        ("convert_to('id=11010519491231002X', 'UTF8')", "bytea", "bytes"),
        ("sha256('11010519491231002X')", "bytea", "SHA-256"),
        ("'{\"a\":\"\\u5f20\\u4e09\\u4e30\"}'", "json", "escaped"),
        ("encode('11010519491231002X', 'base64')", "text", "base64"),
    ] {
        put(value, column);
        let found = search(&db, &needles);
        assert_eq!(found.len(), 1, "{value}: {found:?}");
        assert_eq!((found[0].table.as_str(), found[0].form), ("public.leak", form), "{value}");
    }
    db.owner().batch_execute("ALTER TABLE leak SET SCHEMA vault").unwrap();
    assert_eq!(search(&db, &needles), []);
    assert_eq!(search_text("x 11010519491231002X", &needles), [(0, "text")]);
}
