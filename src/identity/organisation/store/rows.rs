//! The rows that commands look at and write.

use super::{Columns, broken, of_columns};
use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::identity::model::OrganisationKind;
use crate::identity::organisation::model::{Granted, Organisation, Registered, Store};
use crate::infra::statement::Writes;
use crate::statement;
use chrono::NaiveDate;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryResult, RunQueryDsl};
use uuid::Uuid;

statement! {
    pub FindOrganisations { ids: Array<SqlUuid> as [Uuid] }
    -> (SqlUuid, Text, Text, Text, Text, Text, BigInt)
    = "SELECT o.* FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT organisation_id, kind, \
       name, uscc, region, status, version FROM organisation WHERE organisation_id = u.id \
       LIMIT 1) o"
}

statement! {
    pub FindRegistered { usccs: Array<Text> as [String], kinds: Array<Text> as [&'static str] }
    -> (Text, Text, SqlUuid)
    = "SELECT o.uscc, o.kind, o.organisation_id FROM unnest(?::text[], ?::text[]) u(uscc, kind) \
       CROSS JOIN LATERAL (SELECT * FROM organisation WHERE uscc = u.uscc AND kind = u.kind \
       LIMIT 1) o"
}

statement! {
    pub InsertOrganisations {
        ids: Array<SqlUuid> as [Uuid], kinds: Array<Text> as [&'static str],
        names: Array<Text> as [String], usccs: Array<Text> as [String],
        regions: Array<Text> as [String], statuses: Array<Text> as [&'static str],
        versions: Array<BigInt> as [i64]
    } = "INSERT INTO organisation (organisation_id, kind, name, uscc, region, status, version) \
         SELECT * FROM unnest(?::uuid[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], \
         ?::bigint[])"
}

statement! {
    pub UpdateOrganisations {
        ids: Array<SqlUuid> as [Uuid], statuses: Array<Text> as [&'static str],
        versions: Array<BigInt> as [i64], were: Array<BigInt> as [i64]
    } = "UPDATE organisation o SET status = u.status, version = u.version \
         FROM unnest(?::uuid[], ?::text[], ?::bigint[], ?::bigint[]) u(id, status, version, was) \
         WHERE o.organisation_id = u.id AND o.version = u.was"
}

statement! {
    /// Classes come as one text an approval: arrays of arrays cannot be unnested.
    pub InsertApprovals {
        organisations: Array<SqlUuid> as [Uuid], ids: Array<SqlUuid> as [Uuid],
        regions: Array<Text> as [String], families: Array<Text> as [String],
        classes: Array<Text> as [String], from: Array<Date> as [NaiveDate],
        to: Array<Nullable<Date>> as [Option<NaiveDate>], statuses: Array<Text> as [&'static str]
    } = "INSERT INTO approval (organisation_id, approval_id, region, family, classes, from_day, \
         to_day, status) SELECT u.organisation, u.id, u.region, u.family, \
         string_to_array(u.classes, ','), u.from_day, u.to_day, u.status \
         FROM unnest(?::uuid[], ?::uuid[], ?::text[], ?::text[], ?::text[], ?::date[], \
         ?::date[], ?::text[]) \
         u(organisation, id, region, family, classes, from_day, to_day, status)"
}

statement! {
    pub InsertStores {
        organisations: Array<SqlUuid> as [Uuid], ids: Array<SqlUuid> as [Uuid],
        names: Array<Text> as [String], regions: Array<Text> as [String]
    } = "INSERT INTO store (organisation_id, store_id, name, region) \
         SELECT * FROM unnest(?::uuid[], ?::uuid[], ?::text[], ?::text[])"
}

impl Row for Organisation {
    type Key = Uuid;
    const RANK: u16 = 32;

    fn key(&self) -> Uuid {
        self.id
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let new: Vec<&Self> = changes.iter().filter(|c| c.was.is_none()).map(|c| c.now).collect();
        if !new.is_empty() {
            insert(tx, &new)?;
        }
        let old: Vec<(&Self, &Self)> =
            changes.iter().filter_map(|c| c.was.map(|was| (was, c.now))).collect();
        if old.is_empty() {
            return Ok(());
        }
        let updated = UpdateOrganisations {
            ids: &old.iter().map(|(_, now)| now.id).collect::<Vec<_>>(),
            statuses: &old.iter().map(|(_, now)| now.status.as_str()).collect::<Vec<_>>(),
            versions: &old.iter().map(|(_, now)| now.version).collect::<Vec<_>>(),
            were: &old.iter().map(|(was, _)| was.version).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(updated, old.len())
    }
}

fn insert(tx: &mut Tx<'_>, new: &[&Organisation]) -> QueryResult<()> {
    let inserted = InsertOrganisations {
        ids: &new.iter().map(|o| o.id).collect::<Vec<_>>(),
        kinds: &new.iter().map(|o| o.kind.as_str()).collect::<Vec<_>>(),
        names: &new.iter().map(|o| o.name.as_str().to_owned()).collect::<Vec<_>>(),
        usccs: &new.iter().map(|o| o.uscc.as_str().to_owned()).collect::<Vec<_>>(),
        regions: &new.iter().map(|o| o.region.to_string()).collect::<Vec<_>>(),
        statuses: &new.iter().map(|o| o.status.as_str()).collect::<Vec<_>>(),
        versions: &new.iter().map(|o| o.version).collect::<Vec<_>>(),
    }
    .execute(tx.connection)?;
    expect_count(inserted, new.len())
}

impl Load for Organisation {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<Columns> = FindOrganisations { ids: keys }.load(tx.connection)?;
        rows.into_iter().map(of_columns).collect()
    }
}

impl Row for Registered {
    type Key = (String, OrganisationKind);
    const RANK: u16 = 31;

    fn key(&self) -> (String, OrganisationKind) {
        (self.uscc.clone(), self.kind)
    }

    /// The organisation's own row says it.
    fn save<'r>(_: &mut Tx<'_>, _: &[Change<'r, Self>], _: &mut Writes<'r>) -> QueryResult<()> {
        Ok(())
    }
}

impl Load for Registered {
    fn load(tx: &mut Tx<'_>, keys: &[(String, OrganisationKind)]) -> QueryResult<Vec<Self>> {
        let usccs: Vec<String> = keys.iter().map(|(uscc, _)| uscc.clone()).collect();
        let kinds: Vec<&'static str> = keys.iter().map(|(_, kind)| kind.as_str()).collect();
        let rows: Vec<(String, String, Uuid)> =
            FindRegistered { usccs: &usccs, kinds: &kinds }.load(tx.connection)?;
        let row = |(uscc, kind, organisation): (String, String, Uuid)| {
            let kind = OrganisationKind::parse(&kind).ok_or_else(broken)?;
            Ok(Registered { uscc, kind, organisation })
        };
        rows.into_iter().map(row).collect()
    }
}

impl Row for Granted {
    type Key = (Uuid, Uuid);
    const RANK: u16 = 34;

    fn key(&self) -> (Uuid, Uuid) {
        (self.organisation, self.id)
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let new: Vec<&Self> = changes.iter().map(|change| change.now).collect();
        let classes = |granted: &&Self| {
            let words: Vec<&str> = granted.approval.classes.iter().map(|c| c.as_str()).collect();
            words.join(",")
        };
        let inserted = InsertApprovals {
            organisations: &new.iter().map(|g| g.organisation).collect::<Vec<_>>(),
            ids: &new.iter().map(|g| g.id).collect::<Vec<_>>(),
            regions: &new.iter().map(|g| g.approval.region.to_string()).collect::<Vec<_>>(),
            families: &new.iter().map(|g| g.approval.family.clone()).collect::<Vec<_>>(),
            classes: &new.iter().map(classes).collect::<Vec<_>>(),
            from: &new.iter().map(|g| g.approval.from).collect::<Vec<_>>(),
            to: &new.iter().map(|g| g.approval.to).collect::<Vec<_>>(),
            statuses: &new.iter().map(|g| g.approval.status.as_str()).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(inserted, new.len())
    }
}

impl Row for Store {
    type Key = (Uuid, Uuid);
    const RANK: u16 = 33;

    fn key(&self) -> (Uuid, Uuid) {
        (self.organisation, self.id)
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let new: Vec<&Self> = changes.iter().map(|change| change.now).collect();
        let inserted = InsertStores {
            organisations: &new.iter().map(|s| s.organisation).collect::<Vec<_>>(),
            ids: &new.iter().map(|s| s.id).collect::<Vec<_>>(),
            names: &new.iter().map(|s| s.name.as_str().to_owned()).collect::<Vec<_>>(),
            regions: &new.iter().map(|s| s.region.to_string()).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(inserted, new.len())
    }
}
