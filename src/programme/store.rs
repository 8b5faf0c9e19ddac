//! Every statement on published programmes.

use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::statement::Writes;
use crate::kernel::time::Moment;
use crate::statement;
use diesel::sql_types::{Array, Binary, Bool, Integer, Text, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

statement! {
    pub FindPublished { ids: Array<Text> as [String], versions: Array<Integer> as [i32] }
    -> (Text, Integer, Text, Binary)
    = "SELECT p.id, p.version, p.text, p.hash FROM unnest(?::text[], ?::integer[]) u(id, version) \
       CROSS JOIN LATERAL (SELECT * FROM programme WHERE id = u.id AND version = u.version \
       LIMIT 1) p"
}

statement! {
    pub InsertPublished {
        hash: Binary as [u8], id: Text as str, version: Integer as i32, text: Text as str,
        at: Timestamptz as Moment
    } = "INSERT INTO programme (hash, id, version, text, published_at) VALUES (?, ?, ?, ?, ?)"
}

statement! {
    pub AllPublished { any: Bool as bool } -> (Text, Integer, Text)
    = "SELECT id, version, text FROM programme WHERE ? ORDER BY id, version"
}

/// The statements that a clerk runs on published programmes, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[("FindPublished", FindPublished::SQL)];

/// A published version: its text, named by its content hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub id: String,
    pub version: i32,
    pub text: String,
    pub hash: Vec<u8>,
}

impl Row for Published {
    type Key = (String, i32);
    const RANK: u16 = 30;

    fn key(&self) -> (String, i32) {
        (self.id.clone(), self.version)
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        for Change { now, .. } in changes {
            let Published { id, version, text, hash } = now;
            let inserted = InsertPublished { hash, id, version, text, at: &tx.now };
            expect_count(inserted.execute(tx.connection)?, 1)?;
        }
        Ok(())
    }
}

impl Load for Published {
    fn load(tx: &mut Tx<'_>, keys: &[(String, i32)]) -> QueryResult<Vec<Self>> {
        let (ids, versions): (Vec<String>, Vec<i32>) = keys.iter().cloned().unzip();
        let rows: Vec<(String, i32, String, Vec<u8>)> =
            FindPublished { ids: &ids, versions: &versions }.load(tx.connection)?;
        let row = |(id, version, text, hash)| Published { id, version, text, hash };
        Ok(rows.into_iter().map(row).collect())
    }
}

/// All published texts with the name that complaints give them, and the stamp that was in force
/// when they were read.
pub fn all_published(connection: &mut PgConnection) -> QueryResult<Vec<(String, String)>> {
    let rows: Vec<(String, i32, String)> = AllPublished { any: &true }.load(connection)?;
    let named = |(id, version, text)| (format!("{id} v{version}"), text);
    Ok(rows.into_iter().map(named).collect())
}
