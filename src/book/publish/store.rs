//! The statements of the publisher: its lease, and the heads of all books.

use crate::book::BookInfo;
use crate::statement;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use uuid::Uuid;

statement! {
    /// Takes the lease where it is free or ours, by the database's clock. Whoever was not the last
    /// holder gets a number above the database's and the store's.
    TakeLease {
        me: SqlUuid as Uuid, store: BigInt as i64, above: BigInt as i64, holder: SqlUuid as Uuid,
        seconds: Integer as i32, same: SqlUuid as Uuid
    } -> (BigInt)
    = "UPDATE log_publisher SET fence = CASE WHEN holder = ? AND fence >= ? THEN fence \
       ELSE GREATEST(fence, ?) + 1 END, holder = ?, \
       until = clock_timestamp() + make_interval(secs => ?) \
       WHERE book_id = 0 AND (holder = ? OR until < clock_timestamp()) RETURNING fence"
}

statement! {
    GiveUpLease { holder: SqlUuid as Uuid }
    = "UPDATE log_publisher SET until = clock_timestamp() WHERE book_id = 0 AND holder = ?"
}

statement! {
    AllHeads { any: Bool as bool } -> (Integer, Text, Text, Integer, BigInt, Binary)
    = "SELECT b.book_id, b.region, b.family, b.year, h.size, h.root FROM book b \
       JOIN book_head h ON h.book_id = b.book_id WHERE ? ORDER BY b.book_id"
}

/// Takes or renews the lease; nothing while somebody else has it.
pub fn take_lease(
    connection: &mut PgConnection,
    holder: Uuid,
    store_fence: u64,
    seconds: i32,
) -> QueryResult<Option<u64>> {
    let store = store_fence.cast_signed();
    let (above, me) = (&store, &holder);
    let take = TakeLease { me, store: &store, above, holder: me, seconds: &seconds, same: me };
    let taken: Option<(i64,)> = take.get_result(connection).optional()?;
    Ok(taken.map(|(fence,)| fence.cast_unsigned()))
}

/// Lets others take over at once.
pub fn give_up_lease(connection: &mut PgConnection, holder: Uuid) -> QueryResult<()> {
    GiveUpLease { holder: &holder }.execute(connection).map(|_| ())
}

/// The head of a book as its last transaction left it.
pub struct BookHead {
    pub book: BookInfo,
    pub size: u64,
    pub root: Vec<u8>,
}

/// The heads of all books, in one snapshot.
pub fn all_heads(connection: &mut PgConnection) -> QueryResult<Vec<BookHead>> {
    type Columns = (i32, String, String, i32, i64, Vec<u8>);
    let rows: Vec<Columns> = AllHeads { any: &true }.load(connection)?;
    let broken = |_| Error::DeserializationError("a book of no region".into());
    let head = |(no, region, family, year, size, root): Columns| {
        let book = BookInfo::new(no, region.parse().map_err(broken)?, &family, year);
        Ok(BookHead { book, size: size.cast_unsigned(), root })
    };
    rows.into_iter().map(head).collect()
}
