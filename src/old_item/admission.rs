//! Whether an organisation may take things in. The one place where this slice asks it.

use crate::book::read;
use crate::book::store::Stamp;
use crate::http::problem::Problem;
use crate::identity::model::{OrganisationId, OrganisationKind};
use crate::identity::organisation::{Standing, Status, find_standing, stamp_name};
use crate::infra::postgres::ReadPool;
use crate::kernel::class::Class;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use chrono::NaiveDate;

/// The organisation is suspended, removed, unknown, or takes nothing in.
pub const MERCHANT_NOT_ELIGIBLE: Refusal = Refusal::new(
    "MERCHANT_NOT_ELIGIBLE",
    "该单位不具备旧品回收资格，或资格已暂停、取消",
    "this organisation may not take old items in: it is suspended, removed or no recycler",
);

/// What is to be taken in, where and when.
#[derive(Clone, Copy, Debug)]
pub struct TakingIn<'a> {
    pub organisation: OrganisationId,
    pub region: Region,
    pub class: &'a Class,
    /// The day of the hand-over.
    pub day: NaiveDate,
}

/// What was found, and the stamp under which it was read: the desk compares it, so that an
/// organisation that was suspended a moment ago registers nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// It is kept and not raised, because it travels to the clerk, which looks up the key first.
    pub refusal: Option<Refusal>,
    pub stamp: Stamp,
}

/// Reads the organisation and its approvals.
///
/// # Errors
/// 503 where they cannot be read.
pub async fn may_take_in(pool: &ReadPool, asked: TakingIn<'_>) -> Result<Admission, Problem> {
    let organisation = asked.organisation;
    let standing = read(pool, move |connection| find_standing(connection, organisation)).await?;
    Ok(admission(standing, asked))
}

/// Active, of a kind that takes things in, and approved for the class there on that day.
fn admission(standing: Option<Standing>, asked: TakingIn<'_>) -> Admission {
    let Some(standing) = standing else {
        let stamp = Stamp { name: stamp_name(asked.organisation.uuid()), version: 0 };
        return Admission { refusal: Some(MERCHANT_NOT_ELIGIBLE), stamp };
    };
    let takes = [OrganisationKind::Recycler, OrganisationKind::Dismantler].contains(&standing.kind);
    let refusal = match takes && standing.status == Status::Active {
        false => Some(MERCHANT_NOT_ELIGIBLE),
        true => standing.may_act(asked.class, asked.region, asked.day).err(),
    };
    Admission { refusal, stamp: standing.stamp }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::model::{Approval, ApprovalStatus};
    use uuid::Uuid;

    #[test]
    fn an_active_approved_recycler_takes_things_in() {
        let class: Class = "appliance.tv".parse().unwrap();
        let asked = TakingIn {
            organisation: Uuid::from_u128(1).into(),
            region: "310000".parse().unwrap(),
            class: &class,
            day: "2026-03-01".parse().unwrap(),
        };
        let approval = Approval {
            region: asked.region,
            family: "appliance".into(),
            classes: Vec::new(),
            from: asked.day,
            to: Some(asked.day),
            status: ApprovalStatus::Active,
        };
        let standing = |kind, status| {
            let stamp = Stamp { name: "s".into(), version: 3 };
            Standing { kind, status, covers: vec![approval.clone()], stamp }
        };
        let code = |standing, asked| {
            admission(standing, asked).refusal.map_or("", |refusal| match refusal.code.as_ref() {
                "NOT_APPROVED" => "NOT_APPROVED",
                "MERCHANT_NOT_ELIGIBLE" => "MERCHANT_NOT_ELIGIBLE",
                _ => "other",
            })
        };
        use OrganisationKind::{Dismantler, Recycler, Retailer};
        use Status::{Active, Removed, Suspended};
        let not_eligible = "MERCHANT_NOT_ELIGIBLE";
        for (kind, status, expected) in [
            (Recycler, Active, ""),
            (Dismantler, Active, ""),
            (Recycler, Suspended, not_eligible),
            (Recycler, Removed, not_eligible),
            (Retailer, Active, not_eligible),
        ] {
            assert_eq!(code(Some(standing(kind, status)), asked), expected, "{kind:?} {status:?}");
        }
        let later = TakingIn { day: asked.day.succ_opt().unwrap(), ..asked };
        assert_eq!(code(Some(standing(Recycler, Active)), later), "NOT_APPROVED");
        assert_eq!(code(None, asked), not_eligible);
        assert_eq!(admission(None, asked).stamp.version, 0);
    }
}
