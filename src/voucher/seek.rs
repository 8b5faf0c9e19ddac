//! The look-ups that precede nearly every request: a voucher by its code, a person by his key.

use super::store::{Shown, find_by_codes};
use crate::http::problem::Problem;
use crate::identity::store::{KnownPerson, find_people};
use crate::infra::lookup::Lookup;
use crate::infra::postgres::Timeouts;
use crate::kernel::id::BookNo;
use crate::register::model::PersonRef;
use diesel::{PgConnection, QueryResult};
use std::collections::HashMap;

/// A code, as its digests under each version of the key, the current one first.
struct Coded {
    book: BookNo,
    digests: Vec<Vec<u8>>,
}

/// What is looked up for many requests at once.
pub struct Seek {
    codes: Lookup<Coded, Option<Shown>>,
    people: Lookup<PersonRef, Option<KnownPerson>>,
}

impl Seek {
    pub fn new(url: &str, timeouts: Timeouts) -> Seek {
        Seek {
            codes: Lookup::start("seek-codes", url, timeouts, read_codes),
            people: Lookup::start("seek-people", url, timeouts, read_people),
        }
    }

    /// The voucher of a code in a book, and what is known of its person.
    ///
    /// # Errors
    /// 503 where it cannot be read now.
    pub async fn voucher(
        &self,
        book: BookNo,
        digests: Vec<Vec<u8>>,
    ) -> Result<Option<Shown>, Problem> {
        self.codes.find(Coded { book, digests }).await.map_err(|_| Problem::busy(1))
    }

    /// What is known of a person.
    ///
    /// # Errors
    /// 503 where it cannot be read now.
    pub async fn person(&self, person: PersonRef) -> Result<Option<KnownPerson>, Problem> {
        self.people.find(person).await.map_err(|_| Problem::busy(1))
    }
}

fn read_people(
    connection: &mut PgConnection,
    people: &[PersonRef],
) -> QueryResult<Vec<Option<KnownPerson>>> {
    let keys: Vec<_> = people.iter().map(|person| (person.bucket, person.id)).collect();
    let found = find_people(connection, &keys)?;
    Ok(people.iter().map(|person| found.get(&person.id).copied()).collect())
}

/// Under the current key first; what is not found may be of an older one.
fn read_codes(connection: &mut PgConnection, asked: &[Coded]) -> QueryResult<Vec<Option<Shown>>> {
    let mut found: Vec<Option<Shown>> = vec![None; asked.len()];
    for version in 0..asked.iter().map(|code| code.digests.len()).max().unwrap_or_default() {
        let open = (0..asked.len()).filter(|n| found[*n].is_none());
        let due: Vec<(usize, Vec<u8>)> =
            open.filter_map(|n| Some((n, asked[n].digests.get(version)?.clone()))).collect();
        if due.is_empty() {
            break;
        }
        let digests: Vec<Vec<u8>> = due.iter().map(|(_, digest)| digest.clone()).collect();
        let shown: HashMap<Vec<u8>, Shown> = find_by_codes(connection, &digests)?
            .into_iter()
            .filter_map(|shown| Some((shown.voucher.code_digest.clone()?, shown)))
            .collect();
        for (n, digest) in due {
            found[n] = shown.get(&digest).filter(|shown| shown.book == asked[n].book).cloned();
        }
    }
    Ok(found)
}
