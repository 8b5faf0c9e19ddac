//! Roles that could change the ledger, each in a transaction that is undone: roles are shared by
//! all databases of a server.

use crate::support::TestDb;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use tradein::book::role::Checked;
use tradein::book::store::read_role;

/// What the check says of a role that was made by these statements, among them `flawed`.
fn judged(connection: &mut PgConnection, statements: &str) -> Checked {
    let mut checked = Checked::NotYet;
    connection.test_transaction::<_, diesel::result::Error, _>(|connection| {
        connection.batch_execute("CREATE ROLE other; CREATE ROLE flawed NOINHERIT")?;
        connection.batch_execute(statements)?;
        connection.batch_execute("SET LOCAL ROLE flawed")?;
        checked = read_role(connection)?.expect("a migrated database").judge();
        Ok(())
    });
    checked
}

#[test]
fn a_role_that_could_make_itself_able_to_change_entries_is_flawed() {
    let db = TestDb::new();
    let mut superuser = db.superuser();
    for good in ["GRANT tradein_app TO flawed", "GRANT SELECT, INSERT ON entry TO flawed"] {
        assert_eq!(judged(&mut superuser, good), Checked::Good, "{good}");
    }
    for (flaw, says) in [
        ("GRANT UPDATE ON entry TO other; GRANT other TO flawed", "may update"),
        ("GRANT DELETE ON answer TO other; GRANT other TO flawed", "may update"),
        ("GRANT UPDATE (text) ON programme TO other; GRANT other TO flawed", "may update"),
        ("GRANT pg_write_all_data TO flawed", "may update"),
        ("GRANT pg_write_server_files TO flawed", "may update"),
        ("GRANT pg_execute_server_program TO other; GRANT other TO flawed", "may update"),
        ("ALTER ROLE flawed CREATEROLE", "may update"),
        ("ALTER ROLE flawed SUPERUSER", "owns the tables"),
        ("GRANT tradein_owner TO flawed", "owns the tables"),
        ("ALTER TABLE book OWNER TO flawed", "owns the tables"),
    ] {
        let Checked::Flawed(sentence) = judged(&mut superuser, flaw) else {
            panic!("not noticed: {flaw}");
        };
        assert!(sentence.contains(says) && sentence.contains("flawed"), "{flaw}: {sentence}");
    }
}
