//! The purchase that is already over, submitted with its documents, reviewed, paid to the
//! applicant: a person, or a firm by its social credit code.
//!
//! States: `submitted → correction_requested → submitted`, any number of times; `submitted →
//! approved → payable`, `submitted → rejected`; `submitted | correction_requested → withdrawn` by
//! the applicant; `correction_requested → lapsed` by time.
//!
//! **Submission.** The day of the last document, as the papers say it, resolves the programme and
//! names the book (region, family, year of that day); the moment of the submission says which
//! version of it. Programme version, deciding day and book are fixed then, for corrections too.
//! One command takes the slot, the marks (new VIN or frame, old VIN or frame or the recycler's
//! record, invoices, dwelling, asset), the tally and the hold, which is the amount: for a class
//! that is paid "up to", the most that a reviewer may grant.
//!
//! **Papers.** What the rules of the class read, and no document says, is asked for by its name:
//! a condition that could not be judged never passes in silence. A recycler's or dismantler's
//! record of the old item wins over the applicant's own papers.
//!
//! **Ends.** Slot and marks have no end while submitted, the deadline while a correction is asked
//! for, none once granted; rejection, withdrawal and lapse free them and give the hold back. The
//! deadline is the programme's last day for corrections, else so many days after the request.
//!
//! **Two persons.** An approval moves the granted sum from `held` to `committed` and the rest to
//! `available`; up to the limit of the settings it is `payable` at once, above it a second person
//! releases it. Who submitted an application decides nothing on it.
//!
//! **Parts.** A year's interest and a milestone are applications of their own that name the first
//! (`parts.rs`). **Raises.** Where a later version of the programme pays more for purchases that
//! were granted before, a top-up pays the difference (`top_up.rs`).
//!
//! **Payee.** The account is sealed in the vault and masked everywhere else; an entry has a keyed
//! digest of it. It changes only with a correction.
//!
//! Invariants kept here: 1, 2, 3, 5 (`held` keeps the amount of what is open, `committed` of what
//! is approved, `payable` of what is released), 8 (the leaves of submission, correction, approval
//! and top-up hold facts and checks), 9, 10 (no account, name or number stands in an entry).
//!
//! Lock order: head, quota row, marks, tallies. Cost of a submission: one application, one
//! account, one quota row, three or four marks, one entry, one answer.

pub mod approve;
pub mod clock;
pub mod correct;
pub mod document;
pub mod ends;
pub mod entries;
pub mod filing;
pub mod http;
mod marks;
pub mod model;
pub mod office;
pub mod papers;
mod parts;
pub mod payee;
pub mod port;
mod prepare;
pub mod raises;
pub mod reasons;
pub mod store;
pub mod submit;
pub mod top_up;

use crate::kernel::refusal::Refusal;

/// The application is decided, withdrawn or over, or waits for a correction.
pub const APPLICATION_STATE: Refusal = Refusal::new(
    "APPLICATION_STATE",
    "该申请当前状态不允许此操作",
    "the application's state does not allow this",
);
