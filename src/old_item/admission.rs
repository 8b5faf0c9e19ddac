//! Whether an organisation may take things in. The one place where this slice asks it.

use crate::book::read;
use crate::http::problem::Problem;
use crate::identity::model::OrganisationId;
use crate::identity::organisation::model::Status;
use crate::identity::organisation::store::find_standing;
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

/// Its organisation is not in good standing.
const NOT_IN_GOOD_STANDING: Refusal = Refusal::new(
    "MERCHANT_NOT_ELIGIBLE",
    "该单位的参与资格已暂停或取消",
    "this organisation is suspended or removed",
);

/// Why an organisation may not take things in; nothing where it may. The refusal is given back
/// and not raised, because it travels to the clerk, which looks up the key first.
///
/// # Errors
/// 404 for an organisation that is not registered, 503 where the tables cannot be read.
pub async fn may_take_in(pool: &ReadPool, asked: TakingIn<'_>) -> Result<Option<Refusal>, Problem> {
    let organisation = asked.organisation;
    let standing = read(pool, move |connection| find_standing(connection, organisation)).await?;
    let standing = standing.ok_or_else(Problem::not_found)?;
    if standing.status != Status::Active {
        return Ok(Some(NOT_IN_GOOD_STANDING));
    }
    Ok(standing.may_act(asked.class, asked.region, asked.day).err())
}
