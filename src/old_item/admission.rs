//! Whether an organisation may take things in. The one place where this slice asks it.

use crate::http::problem::Problem;
use crate::identity::model::OrganisationId;
use crate::infra::postgres::ReadPool;
use crate::kernel::class::Class;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use chrono::NaiveDate;

/// What is to be taken in, where and when.
pub struct TakingIn<'a> {
    pub organisation: OrganisationId,
    pub region: Region,
    pub class: &'a Class,
    pub day: NaiveDate,
}

/// Lets every organisation in whose token says that it is a recycler or dismantler: the tables of
/// organisations and approvals have no reader yet. When `identity` has one, its status and
/// [`crate::identity::model::Approval::covers`] decide here, and the refusal is
/// `MERCHANT_NOT_ELIGIBLE` (422). It is given back and not raised, because it travels to the
/// clerk, which looks up the key first.
///
/// # Errors
/// 503 where the tables cannot be read.
pub async fn may_take_in(
    _pool: &ReadPool,
    _asked: TakingIn<'_>,
) -> Result<Option<Refusal>, Problem> {
    Ok(None)
}
