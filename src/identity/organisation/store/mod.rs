//! Every statement on organisations, their approvals and their stores.

mod read;
mod rows;

pub use read::{Listed, Whole, find_standing, find_whole, list};

use crate::identity::model::OrganisationKind;
use crate::identity::organisation::model::{Organisation, Status};
use diesel::QueryResult;
use diesel::result::Error;
use uuid::Uuid;

/// The statements that a clerk runs on the tables of this folder, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[
    ("FindOrganisations", rows::FindOrganisations::SQL),
    ("FindRegistered", rows::FindRegistered::SQL),
    ("UpdateOrganisations", rows::UpdateOrganisations::SQL),
];

/// id, kind, name, credit code, region, status, version.
type Columns = (Uuid, String, String, String, String, String, i64);

fn broken() -> Error {
    Error::DeserializationError("a row that no version of the program wrote".into())
}

fn of_columns(row: Columns) -> QueryResult<Organisation> {
    Ok(Organisation {
        id: row.0,
        kind: OrganisationKind::parse(&row.1).ok_or_else(broken)?,
        name: row.2.try_into().map_err(|_| broken())?,
        uscc: row.3.try_into().map_err(|_| broken())?,
        region: row.4.parse().map_err(|_| broken())?,
        status: Status::parse(&row.5).ok_or_else(broken)?,
        version: row.6,
    })
}
