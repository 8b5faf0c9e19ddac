//! Reading organisations outside of a batch.

use super::rows::FindOrganisations;
use super::{Columns, broken, of_columns};
use crate::book::store::find_stamps;
use crate::identity::model::{Approval, ApprovalStatus, OrganisationId};
use crate::identity::organisation::model::{Granted, Organisation, Standing, Store, stamp_name};
use crate::kernel::class::Class;
use crate::kernel::region::Region;
use crate::statement;
use chrono::NaiveDate;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use uuid::Uuid;

statement! {
    pub ListApprovals { organisation: SqlUuid as Uuid }
    -> (SqlUuid, Text, Text, Array<Text>, Date, Nullable<Date>, Text)
    = "SELECT approval_id, region, family, classes, from_day, to_day, status FROM approval \
       WHERE organisation_id = ? ORDER BY approval_id"
}

statement! {
    pub ListStores { organisation: SqlUuid as Uuid } -> (SqlUuid, Text, Text)
    = "SELECT store_id, name, region FROM store WHERE organisation_id = ? ORDER BY store_id"
}

statement! {
    /// With the regions in which each has a store or an approval.
    pub ListOrganisations { after: SqlUuid as Uuid, limit: BigInt as i64 }
    -> (SqlUuid, Text, Text, Text, Text, Text, BigInt, Array<Text>)
    = "SELECT organisation_id, kind, name, uscc, region, status, version, \
       ARRAY(SELECT region FROM store s WHERE s.organisation_id = o.organisation_id \
       UNION SELECT region FROM approval a WHERE a.organisation_id = o.organisation_id) \
       FROM organisation o WHERE organisation_id > ? ORDER BY organisation_id LIMIT ?"
}

/// An organisation of a list.
pub struct Listed {
    pub organisation: Organisation,
    /// Where it is registered, has a store, or is approved.
    pub regions: Vec<Region>,
}

/// An organisation with all that belongs to it.
pub struct Whole {
    pub organisation: Organisation,
    pub approvals: Vec<Granted>,
    pub stores: Vec<Store>,
}

impl Whole {
    /// Where it is registered, has a store, or is approved.
    pub fn regions(&self) -> impl Iterator<Item = Region> + '_ {
        let stores = self.stores.iter().map(|store| store.region);
        let approvals = self.approvals.iter().map(|granted| granted.approval.region);
        std::iter::once(self.organisation.region).chain(stores).chain(approvals)
    }
}

fn find(connection: &mut PgConnection, id: Uuid) -> QueryResult<Option<Organisation>> {
    let row: Option<Columns> =
        FindOrganisations { ids: &[id] }.get_result(connection).optional()?;
    row.map(of_columns).transpose()
}

fn approvals(connection: &mut PgConnection, organisation: Uuid) -> QueryResult<Vec<Granted>> {
    type Found = (Uuid, String, String, Vec<String>, NaiveDate, Option<NaiveDate>, String);
    let rows: Vec<Found> = ListApprovals { organisation: &organisation }.load(connection)?;
    let granted = |(id, region, family, classes, from, to, status): Found| {
        let classes: Result<Vec<Class>, _> = classes.iter().map(|class| class.parse()).collect();
        let approval = Approval {
            region: region.parse().map_err(|_| broken())?,
            family,
            classes: classes.map_err(|_| broken())?,
            from,
            to,
            status: ApprovalStatus::parse(&status).ok_or_else(broken)?,
        };
        Ok(Granted { organisation, id, approval })
    };
    rows.into_iter().map(granted).collect()
}

/// What a till may know of an organisation; nothing where there is none.
///
/// The stamp is read first: rows that are newer than their stamp make a screening stale once too
/// often, older ones would let it pass.
pub fn find_standing(
    connection: &mut PgConnection,
    id: OrganisationId,
) -> QueryResult<Option<Standing>> {
    let name = stamp_name(id.uuid());
    let stamp = find_stamps(connection, &[name])?.into_iter().next().ok_or_else(broken)?;
    let Some(organisation) = find(connection, id.uuid())? else { return Ok(None) };
    let covers = approvals(connection, id.uuid())?;
    let covers = covers.into_iter().map(|granted| granted.approval).collect();
    let (kind, status) = (organisation.kind, organisation.status);
    Ok(Some(Standing { kind, status, covers, stamp }))
}

/// An organisation with its approvals and stores.
pub fn find_whole(connection: &mut PgConnection, id: Uuid) -> QueryResult<Option<Whole>> {
    let Some(organisation) = find(connection, id)? else { return Ok(None) };
    let approvals = approvals(connection, id)?;
    let rows: Vec<(Uuid, String, String)> = ListStores { organisation: &id }.load(connection)?;
    let store = |(store, name, region): (Uuid, String, String)| {
        let name = name.try_into().map_err(|_| broken())?;
        let region = region.parse().map_err(|_| broken())?;
        Ok(Store { organisation: id, id: store, name, region })
    };
    let stores: QueryResult<Vec<Store>> = rows.into_iter().map(store).collect();
    Ok(Some(Whole { organisation, approvals, stores: stores? }))
}

/// Organisations after one, oldest first.
pub fn list(connection: &mut PgConnection, after: Uuid, limit: i64) -> QueryResult<Vec<Listed>> {
    type Found = (Uuid, String, String, String, String, String, i64, Vec<String>);
    let rows: Vec<Found> = ListOrganisations { after: &after, limit: &limit }.load(connection)?;
    let listed = |row: Found| {
        let organisation = of_columns((row.0, row.1, row.2, row.3, row.4, row.5, row.6))?;
        let mut regions = vec![organisation.region];
        for region in row.7 {
            regions.push(region.parse().map_err(|_| broken())?);
        }
        Ok(Listed { organisation, regions })
    };
    rows.into_iter().map(listed).collect()
}
