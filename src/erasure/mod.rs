//! A person's clear data and keys are destroyed, and every proof stays valid.
//!
//! The ledger holds no identity: a leaf names a person by a pseudonym of 128 random bits, another
//! one in every book, and commits to documents, accounts and look-ups by digests. Who that was is
//! told by rows that can be changed, and an erasure changes them all:
//!
//! - **The vault.** Ciphertext, birthday and times of the person go, and so do the fields and the
//!   stored files of his documents and his accounts. With the secrets of person and pseudonyms go
//!   the keys of all commitments: nobody can open one, or make it again, any more.
//! - **Every book.** In each a *stand-in*, a random id that is used nowhere else, takes the
//!   person's place: in pseudonym, vouchers, applications and old items, and in quota and tally,
//!   which are split by book. So every row stays what its entries say, and what the person was in
//!   one book is tied to him, or to what he was in another book, by nothing. What names a thing or
//!   a person among the facts that a decision read goes; its leaf never had it.
//! - **Redis.** The entries of his bucket, which are copies.
//!
//! What stays is one row of the person (id, `erased`, the last year in which he has a slot) under
//! the keyed digest of his identity. Whoever comes back is found by it, gets the same id and state,
//! and is refused (`PERSON_ERASED`): he draws no second quota. Once every book of that year and of
//! the years before is closed, [`forget`] takes the row away.
//!
//! **Order.** A command of the register book marks the person and writes `person.erased`, which
//! names nobody. It raises the stamp that every screening carries, so that whoever was screened
//! before is screened again: a book's batch that commits later sees it, one that committed earlier
//! is there when this book's turn comes. Then file by file and book by book, each in a transaction
//! that holds the book's head. Every step can be run again: an erasure that broke off is finished
//! by the same command.
//!
//! **Not erased** while something of his is open (a voucher, a reservation, an application), or an
//! approved application may still have to be paid.
//!
//! **What it cannot do.** What was copied before knows more: backups, write-ahead log, dead rows
//! and whatever else PostgreSQL keeps beside the columns of a row are the vault's past, and must
//! end. Whoever knows a request of the person word for word, with its idempotency key, finds the
//! answer to it. Of all who were ever erased it can be told that they are among all who were ever
//! erased. Where leaves themselves name one thing in two books (an old item, the first part of a
//! grant), they stay tied to one another.
//!
//! It has the statements on all slices' tables in one place, so that none is forgotten; a test
//! searches every table for the person. Lock order: a book's head, quotas, tallies. Cost: one scan
//! of the redemptions, applications and old items of each book, before its head is taken.
//!
//! Invariants kept here: 5, 10.

pub mod command;
mod facts;
mod registers;
mod store;

pub use store::forget;

use crate::book::{Books, Envelope, REGISTER};
use crate::http::problem::Problem;
use crate::identity::envelope::bucket_of_person;
use crate::identity::model::PersonId;
use crate::identity::people::model::CaseNo;
use crate::identity::people::store as people;
use crate::infra::blobs::{BlobError, Blobs};
use crate::infra::keys::KeyRing;
use crate::kernel::id::BookNo;
use crate::register::gate::forget_bucket;
use crate::register::model::PersonRef;
use command::ErasePerson;
use diesel::{Connection, PgConnection};
use redis::RedisResult;
use std::sync::Arc;
use uuid::Uuid;

/// What an erasure reaches.
pub struct Doors<'a> {
    /// As the role that serves requests, without a time-out for statements.
    pub connection: &'a mut PgConnection,
    pub books: &'a Books,
    pub keys: Arc<KeyRing>,
    pub blobs: &'a Blobs,
    pub redis: &'a redis::Client,
}

/// Whose identity is to be destroyed, and why it may be.
pub struct Order {
    pub person: PersonId,
    /// The number under which somebody decided it.
    pub case: CaseNo,
    /// An official says that what was approved has been paid.
    pub is_paid: bool,
}

/// What was done; numbers only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Books in which the person was known.
    pub books: usize,
    /// Files that were destroyed.
    pub files: usize,
}

/// Why somebody is not erased, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum NotErased {
    #[error("there is no such person")]
    NoSuchPerson,
    #[error("nothing was erased: {0}; it must end first")]
    Open(String),
    #[error(
        "nothing was erased: {0} may still have to be paid, for which the account is needed; say \
         --approved-were-paid where it was"
    )]
    Unpaid(String),
    #[error("the entry was not written: {0}")]
    Register(String),
    #[error("the database failed, run it again: {0}")]
    Database(#[from] diesel::result::Error),
    #[error("a file could not be destroyed, run it again: {0}")]
    Files(#[from] BlobError),
    #[error("all but Redis is erased, run it again when that answers: {0}")]
    Redis(#[from] redis::RedisError),
}

/// Erases a person, or finishes what broke off.
///
/// # Errors
/// [`NotErased`] says what is left to do.
pub async fn erase(doors: &mut Doors<'_>, order: &Order) -> Result<Erased, NotErased> {
    let id = order.person.uuid();
    let person = PersonRef { bucket: bucket_of_person(&doors.keys, order.person), id };
    let found = people::find(doors.connection, person.bucket, id)?;
    found.ok_or(NotErased::NoSuchPerson)?;
    let all = crate::book::store::list_books(doors.connection)?;
    let books: Vec<BookNo> = all.iter().map(|book| book.no).collect();
    refuse_open(doors.connection, &books, person, order.is_paid)?;
    let keep_year = registers::last_year(doors.connection, person)?;
    let case = order.case.clone();
    let command = ErasePerson {
        person: order.person,
        bucket: person.bucket,
        case,
        keep_year,
        about: Uuid::new_v4(),
    };
    let answered = doors.books.answer(REGISTER, Envelope::of_system(Arc::new(command))).await;
    match answered {
        Ok(answered) if answered.is_success() => {}
        Ok(answered) => {
            return Err(NotErased::Register(String::from_utf8_lossy(&answered.body).into_owned()));
        }
        Err(problem) => return Err(NotErased::Register(code_of(&problem))),
    }
    let mut erased = Erased::default();
    for book in books.into_iter().filter(|book| *book != REGISTER) {
        for file in store::files(doors.connection, book, person)? {
            doors.blobs.destroy(file).await?;
            erased.files += 1;
        }
        erased.books += usize::from(leave_book(doors.connection, &doors.keys, book, person)?);
    }
    doors.connection.transaction(|c| registers::leave(c, &doors.keys, person))?;
    forget_redis(doors.redis, person)?;
    Ok(erased)
}

fn code_of(problem: &Problem) -> String {
    problem.refusals.iter().map(|refusal| refusal.code.as_ref()).collect::<Vec<_>>().join(", ")
}

fn refuse_open(
    connection: &mut PgConnection,
    books: &[BookNo],
    person: PersonRef,
    is_paid: bool,
) -> Result<(), NotErased> {
    for book in books {
        let things = store::open_things(connection, *book, person)?;
        if let Some(open) = things.iter().find(|thing| !thing.is_granted) {
            return Err(NotErased::Open(open.to_string()));
        }
        if let Some(granted) = things.first().filter(|_| !is_paid) {
            return Err(NotErased::Unpaid(granted.to_string()));
        }
    }
    Ok(())
}

/// A random person who is nobody.
fn stand_in(keys: &KeyRing) -> PersonRef {
    let id = Uuid::new_v4();
    PersonRef { bucket: bucket_of_person(keys, id.into()), id }
}

/// Puts a stand-in into a person's place in one book; false where nothing of the book names him.
fn leave_book(
    connection: &mut PgConnection,
    keys: &KeyRing,
    book: BookNo,
    person: PersonRef,
) -> diesel::QueryResult<bool> {
    let named = store::naming(connection, book, person)?;
    let other = stand_in(keys);
    connection.transaction(|connection| {
        crate::book::store::lock_head(connection, book)?;
        let rows = store::rename(connection, book, person, other, &named)?;
        store::clear_papers(connection, book, other)?;
        facts::forget(connection, book, person, other, &named)?;
        registers::split(connection, book, person, other, &named.redemptions)?;
        Ok(rows > 0)
    })
}

fn forget_redis(client: &redis::Client, person: PersonRef) -> RedisResult<()> {
    forget_bucket(&mut client.get_connection()?, person.bucket)
}
