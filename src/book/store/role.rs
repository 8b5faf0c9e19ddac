//! What the database says of the role that we signed in as.

use crate::book::role::ServingRole;
use diesel::sql_types::{Bool, Text};
use diesel::{
    OptionalExtension, PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query,
};

/// Asked by the catalogue, so that it also finds a superuser (who may act as everybody), a member
/// of the owner, a right that was granted to PUBLIC, to single columns or to a role that this one
/// may only switch to, and a role that may make itself a member of others or write the server's
/// own files.
const ROLE: &str = "SELECT current_user::text AS name, \
     EXISTS (SELECT FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace \
         WHERE n.nspname IN (current_schema(), 'vault') AND t.relkind IN ('r', 'p') \
         AND pg_has_role(current_user, t.relowner, 'MEMBER')) AS is_owner, \
     EXISTS (SELECT FROM pg_roles r JOIN pg_class t \
         ON t.oid IN (to_regclass('entry'), to_regclass('answer'), to_regclass('programme')) \
         WHERE pg_has_role(current_user, r.oid, 'MEMBER') \
         AND (has_table_privilege(r.oid, t.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER') \
             OR has_any_column_privilege(r.oid, t.oid, 'UPDATE') OR r.rolcreaterole \
             OR r.rolname IN ('pg_write_server_files', 'pg_execute_server_program'))) \
         AS may_change_entries \
     FROM pg_class e WHERE e.oid = to_regclass('entry')";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_owner: bool,
    #[diesel(sql_type = Bool)]
    may_change_entries: bool,
}

/// Nothing where the database has not been migrated yet.
pub fn read_role(connection: &mut PgConnection) -> QueryResult<Option<ServingRole>> {
    let row = sql_query(ROLE).get_result::<Row>(connection).optional()?;
    Ok(row.map(|Row { name, is_owner, may_change_entries }| ServingRole {
        name,
        is_owner,
        may_change_entries,
    }))
}
