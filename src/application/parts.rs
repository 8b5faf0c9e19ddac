//! The parts of one grant: each year's interest and each milestone is an application of its own
//! that names the first. The first holds slot and marks; a tally joins them all.
//!
//! A part draws what the rules give for it alone, and no more than what they give for all parts
//! together leaves. So a cumulative cap and a number of years are those of the rules.

use super::model::{Application, Part};
use super::prepare::Case;
use super::store;
use crate::book::{BookInfo, read};
use crate::http::problem::Problem;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::Moment;
use crate::programme::{Fact, Facts, Programme, SUBMISSION, Value};
use crate::register::model::Holder;
use crate::voucher::doors::put;
use std::sync::Arc;
use uuid::Uuid;

/// Another part of the grant is not decided yet.
const EARLIER_PART_OPEN: Refusal = Refusal::new(
    "EARLIER_PART_OPEN",
    "此前一期申请尚未审结，请待其审结后再申请",
    "an earlier part of this grant is not decided yet; apply once it is",
);

/// The first application was not granted, or is of another class.
const FIRST_NOT_GRANTED: Refusal = Refusal::new(
    "FIRST_NOT_GRANTED",
    "首期申请未获批准，或品类不同",
    "the first application was not granted, or is of another class",
);

/// Years of interest follow each other.
const INTEREST_YEAR: Refusal = Refusal::new(
    "INTEREST_YEAR_NOT_NEXT",
    "贴息年度须与上一期连续",
    "the year of the interest must follow that of the part before",
);

/// What is known of the row of parts that an application stands in.
#[derive(Default)]
pub struct Seen {
    /// Its place, and what the rules give for all parts together.
    pub part: Option<(Part, Fen)>,
    /// Live parts beside it.
    pub others: i64,
    /// The first, where it is not the first itself.
    pub first: Option<Holder>,
}

/// Finds the place of an application in its row, and puts the base of this part into the facts.
///
/// # Errors
/// 404 for a first that is not the applicant's, 409 and 422 for one that cannot be continued.
pub async fn seen(
    case: &Case<'_>,
    programme: &Programme,
    book: &Arc<BookInfo>,
    application: Uuid,
    first: Option<&str>,
    facts: &mut Facts,
    at: Moment,
) -> Result<Seen, Problem> {
    let Some((base, year)) = base(case, facts)? else {
        return match first {
            Some(_) => Err(Problem::bad_field(
                "first",
                "仅补助项目可分期申请",
                "only grants are paid in parts",
            )),
            None => Ok(Seen::default()),
        };
    };
    let alone = programme.screen(case.class, &SUBMISSION, facts, at).amount.unwrap_or_default();
    let Some(first) = first else {
        let first = PublicId::new(Kind::Application, book.no, application).to_string();
        let part = Part { first, no: 1, year, bases_fen: vec![base] };
        return Ok(Seen { part: Some((part, alone)), others: 0, first: None });
    };
    let id = PublicId::parse(Kind::Application, first).map_err(|_| Problem::not_found())?;
    let holder = Holder { book: id.book, id: id.id };
    // Parts of later years stand in the books of those years.
    let books = case.doors.books.all().await?;
    let same = |it: &&Arc<BookInfo>| it.region == book.region && it.family == book.family;
    let books: Vec<BookNo> = books.iter().filter(same).map(|it| it.no).collect();
    let (whole_row, parts) = read(&case.doors.pool, move |connection| {
        let first = store::find(connection, id.book, id.id)?;
        Ok((first, store::list_of_parts(connection, &books, id.id)?))
    })
    .await?;
    let applicant = case.applicant.known(case.doors);
    let whole_row = whole_row.filter(|first| first.applicant == applicant);
    let whole_row = whole_row.ok_or_else(Problem::not_found)?;
    let lives = |it: &Application| {
        it.id != application && !it.is_top_up() && (it.state.is_open() || it.state.is_granted())
    };
    let parts: Vec<Application> = parts.into_iter().filter(lives).collect();
    let open = whole_row.state.is_open() || parts.iter().any(|part| part.state.is_open());
    if open {
        return Err(Problem::refused(409, vec![EARLIER_PART_OPEN]));
    }
    let last = parts.last().unwrap_or(&whole_row);
    let granted = whole_row.state.is_granted() && whole_row.class == *case.class;
    let (true, Some(before)) = (granted, &last.filed.part) else {
        return Err(Problem::refused(422, vec![FIRST_NOT_GRANTED]));
    };
    if before.year.map(|year| year + 1) != year {
        return Err(Problem::refused(422, vec![INTEREST_YEAR]));
    }
    let mut bases_fen = before.bases_fen.clone();
    bases_fen.push(base);
    let mut all = facts.clone();
    set_bases(&mut all, &bases_fen, year.is_some())?;
    let whole = programme.screen(case.class, &SUBMISSION, &all, at).amount.unwrap_or_default();
    let part = Part { first: first.to_owned(), no: before.no + 1, year, bases_fen };
    let others = 1 + i64::try_from(parts.len()).unwrap_or(i64::MAX);
    Ok(Seen { part: Some((part, whole)), others, first: Some(holder) })
}

/// What this part is taken of, in fen, and the year where it is interest.
fn base(case: &Case<'_>, facts: &mut Facts) -> Result<Option<(Fen, Option<i32>)>, Problem> {
    let Some(grant) = &case.papers.grant else { return Ok(None) };
    let (base, year) = match (grant.base_fen, grant.interest) {
        (Some(base), None) => (base, None),
        (None, Some(interest)) => (interest.fen, Some(interest.year)),
        _ => {
            return Err(Problem::bad_field(
                "papers.grant.base_fen",
                "base_fen 与 interest 须且只须有一个",
                "send exactly one of base_fen and interest",
            ));
        }
    };
    set_bases(facts, &[base], year.is_some())?;
    Ok(Some((base, year)))
}

/// Puts bases into the facts: a list of interest, or the sum of what the rule names.
///
/// # Errors
/// 400 where they are out of range.
pub fn set_bases(facts: &mut Facts, bases: &[Fen], interest: bool) -> Result<(), Problem> {
    if interest {
        let list = Value::Fens(bases.to_vec().into());
        return put(facts, Fact::GrantInterestFen, Some(list));
    }
    let sum = bases.iter().fold(0i64, |sum, base| sum.saturating_add(base.0));
    put(facts, Fact::GrantBaseFen, Some(Value::Fen(Fen(sum))))
}
