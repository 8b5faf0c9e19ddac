//! What auditors with tools of their own may read: the views of the schema `audit`, and nothing
//! else in the database.

use super::story::Story;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use serde_json::json;
use std::collections::BTreeSet;

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn names(connection: &mut PgConnection, text: &str) -> BTreeSet<String> {
    let rows: Vec<Name> = sql_query(text).load(connection).expect(text);
    rows.into_iter().map(|row| row.name).collect()
}

fn number(connection: &mut PgConnection, text: &str) -> i64 {
    sql_query(text).get_result::<Number>(connection).expect(text).n
}

const VIEWS: &str = "SELECT 'audit.' || relname AS name FROM pg_class \
     WHERE relnamespace = 'audit'::regnamespace AND relkind = 'v'";

#[actix_web::test]
async fn an_auditor_reads_every_view_and_nothing_else() {
    let story = Story::whole().await;
    let db = &story.world.db;
    let mut auditor = db.auditor();
    let views = names(&mut auditor, VIEWS);
    let due: BTreeSet<String> = [
        "applications",
        "balances_by_day",
        "entries",
        "heads",
        "postings",
        "redemptions",
        "refusals",
    ]
    .map(|name| format!("audit.{name}"))
    .into();
    assert_eq!(views, due);
    for view in views.iter().filter(|view| *view != "audit.refusals") {
        let rows = number(&mut auditor, &format!("SELECT count(*) AS n FROM {view}"));
        assert!(rows > 2, "{view} has {rows} rows");
        // Nothing that holds an identity, and no id that is the same in two books.
        let text = format!("SELECT to_jsonb(v)::text AS name FROM {view} v");
        let told = names(&mut auditor, &text);
        assert!(!told.iter().any(|row| row.contains("per_0_") || row.contains("person_id")));
    }
    // What they say is what the tables say.
    for (view, table) in [
        (
            "SELECT sum(amount_fen)::bigint AS n FROM audit.postings WHERE account = 'held'",
            "SELECT sum(fen)::bigint AS n FROM balance WHERE account = 'held'",
        ),
        (
            "SELECT sum(balance_fen)::bigint AS n FROM (SELECT DISTINCT ON (book_no, account) * \
          FROM audit.balances_by_day ORDER BY book_no, account, day DESC) b \
          WHERE account = 'committed'",
            "SELECT sum(fen)::bigint AS n FROM balance WHERE account = 'committed'",
        ),
        (
            "SELECT count(*) AS n FROM audit.entries e JOIN audit.heads h USING (book_no) \
          WHERE e.seq < h.size AND e.leaf ->> 'book' = e.book AND (e.leaf ->> 'seq')::int = e.seq",
            "SELECT sum(size)::bigint AS n FROM book_head",
        ),
        (
            "SELECT sum(amount_fen)::bigint AS n FROM audit.redemptions WHERE state = 'captured'",
            "SELECT sum(amount_fen)::bigint AS n FROM redemption WHERE state = 'captured'",
        ),
        (
            "SELECT count(DISTINCT subject) AS n FROM audit.applications",
            "SELECT count(DISTINCT subject) AS n FROM application",
        ),
    ] {
        let is = number(&mut auditor, view);
        assert_eq!(is, number(&mut db.owner(), table), "{view}");
        assert!(is > 0, "{view}");
    }
    refused_everything_else(&story, &mut auditor);
}

fn refused_everything_else(story: &Story, auditor: &mut PgConnection) {
    let tables = "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'p') \
         AND n.nspname IN ('public', 'vault')";
    let tables = names(&mut story.world.db.owner(), tables);
    assert!(tables.len() > 25, "{tables:?}");
    for table in tables {
        let refused = auditor.batch_execute(&format!("SELECT * FROM {table}")).unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{table}: {refused}");
    }
    let mut fails = |statement: &str, because: &str| {
        let refused = auditor.batch_execute(statement).unwrap_err();
        assert!(refused.to_string().contains(because), "{statement}: {refused}");
    };
    fails("CREATE TABLE public.mine (id int)", "read-only");
    // Whatever the role sets itself.
    for statement in ["CREATE TABLE public.mine (id int)", "DELETE FROM entry"] {
        let freed = format!("BEGIN READ WRITE; {statement}");
        fails(&freed, "denied");
        fails("ROLLBACK; SELECT 1 / 0", "division by zero");
    }
    fails("SET ROLE tradein_app", "denied");
}

#[actix_web::test]
async fn a_refusal_is_read_with_its_codes() {
    let story = Story::begin().await;
    let world = &story.world;
    let person = world.person(35);
    let token = world.person_token(person);
    let (voucher, _) = world.claimed(person, "310000", "appliance.tv").await;
    let path = format!("/v1/vouchers/{voucher}/give-back");
    world.post(&token, &path, json!({})).await.expect(200);
    world.post(&token, &path, json!({})).await.refused(409, "VOUCHER_STATE");
    let text = "SELECT count(*) AS n FROM audit.refusals WHERE code = 'VOUCHER_STATE' \
                AND codes = '{VOUCHER_STATE}' AND status = 409 \
                AND book = '310000/appliance/2025'";
    assert_eq!(number(&mut world.db.auditor(), text), 1);
}

#[test]
fn every_view_and_column_says_what_it_is() {
    let db = crate::support::TestDb::new();
    let without = "SELECT c.relname || '.' || a.attname AS name FROM pg_class c \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
         WHERE c.relnamespace = 'audit'::regnamespace \
         AND (col_description(c.oid, a.attnum) IS NULL \
         OR obj_description(c.oid, 'pg_class') IS NULL)";
    assert_eq!(names(&mut db.auditor(), without), BTreeSet::new());
    db.owner().batch_execute("COMMENT ON COLUMN audit.heads.size IS NULL").expect("the owner may");
    assert_eq!(names(&mut db.auditor(), without), BTreeSet::from(["heads.size".to_owned()]));
}
