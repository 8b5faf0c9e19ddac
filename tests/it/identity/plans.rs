//! A clerk's statements find their rows by index, also as planned on empty tables.

use crate::support::TestDb;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use std::time::Duration;
use tradein::identity::{organisation, people};
use tradein::infra::postgres::{Timeouts, clerk_connection};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    plan: String,
}

#[test]
fn a_clerk_finds_people_and_organisations_by_index() {
    let db = TestDb::new();
    let ten = Duration::from_secs(10);
    let timeouts = Timeouts { lock: ten, statement: ten };
    let mut connection = clerk_connection(&db.app_url(), timeouts).unwrap();
    let all = [organisation::store::CLERK_STATEMENTS, people::store::CLERK_STATEMENTS].concat();
    for (name, sql) in all {
        let mut parameters = 0;
        let numbered: String = sql
            .split('?')
            .enumerate()
            .map(|(at, part)| {
                parameters = at;
                if at == 0 { part.to_owned() } else { format!("${at}{part}") }
            })
            .collect();
        let prepare = format!("PREPARE {name} AS {numbered}");
        sql_query(prepare).execute(&mut connection).unwrap();
        let nothing = vec!["NULL"; parameters].join(", ");
        let explain = format!("EXPLAIN EXECUTE {name}({nothing})");
        let lines: Vec<Line> = sql_query(explain).load(&mut connection).unwrap();
        let plan: Vec<String> = lines.into_iter().map(|line| line.plan).collect();
        let plan = plan.join("\n");
        assert!(plan.contains("Index Cond") && !plan.contains("Seq Scan"), "{name}:\n{plan}");
    }
}
