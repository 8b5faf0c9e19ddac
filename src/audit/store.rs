//! Every statement of the replay: reads only, of all tables, in the order of their keys.

use crate::kernel::id::BookNo;
use crate::kernel::time::Moment;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, PgConnection, QueryResult, QueryableByName, RunQueryDsl};
use uuid::Uuid;

/// Declares a row, read by the names of its columns.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident { $($column:ident: $sql:ty => $rust:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, QueryableByName)]
        pub struct $name {
            $(#[diesel(sql_type = $sql)] pub $column: $rust),+
        }
    };
}

row!(BookRow {
    book_id: Integer => BookNo,
    region: Text => String,
    family: Text => String,
    year: Integer => i32,
});

row!(HeadRow {
    state: Text => String,
    size: BigInt => i64,
    frontier: Binary => Vec<u8>,
    root: Binary => Vec<u8>,
    last_at: Timestamptz => Moment,
});

row!(EntryRow {
    seq: BigInt => i64,
    at: Timestamptz => Moment,
    kind: Text => String,
    about: SqlUuid => Uuid,
    accounts: Array<Text> => Vec<String>,
    amounts: Array<BigInt> => Vec<i64>,
    leaf: Binary => Vec<u8>,
    leaf_hash: Binary => Vec<u8>,
});

row!(
    /// An account with what it holds.
    AccountRow { account: Text => String, fen: BigInt => i64 }
);

row!(VoucherRow {
    voucher_id: SqlUuid => Uuid,
    person_id: SqlUuid => Uuid,
    subject: Binary => Vec<u8>,
    class: Text => String,
    rule: Binary => Vec<u8>,
    quota_key: Text => String,
    lapse_key: Nullable<Text> => Option<String>,
    state: Text => String,
    hold_fen: BigInt => i64,
    claimed_at: Timestamptz => Moment,
    until: Timestamptz => Moment,
    locked_until: Nullable<Timestamptz> => Option<Moment>,
    redemption_id: Nullable<SqlUuid> => Option<Uuid>,
});

row!(RedemptionRow {
    redemption_id: SqlUuid => Uuid,
    voucher_id: SqlUuid => Uuid,
    organisation_id: SqlUuid => Uuid,
    class: Text => String,
    rule: Binary => Vec<u8>,
    state: Text => String,
    amount_fen: BigInt => i64,
    lines: Text => String,
    mark_kinds: Array<Text> => Vec<String>,
    mark_digests: Array<Binary> => Vec<Vec<u8>>,
    cap_key: Nullable<Text> => Option<String>,
    tranche: Nullable<Text> => Option<String>,
    reserved_at: Timestamptz => Moment,
    until: Timestamptz => Moment,
    captured_at: Nullable<Timestamptz> => Option<Moment>,
});

row!(ApplicationRow {
    application_id: SqlUuid => Uuid,
    person_id: SqlUuid => Uuid,
    subject: Binary => Vec<u8>,
    class: Text => String,
    rule: Binary => Vec<u8>,
    state: Text => String,
    amount_fen: BigInt => i64,
    granted_fen: Nullable<BigInt> => Option<i64>,
    first_id: Nullable<SqlUuid> => Option<Uuid>,
    decided_at: Timestamptz => Moment,
    submitted_at: Timestamptz => Moment,
    until: Nullable<Timestamptz> => Option<Moment>,
    filed: Text => String,
});

row!(
    /// An account in the vault: what an entry committed to.
    PayeeRow { application_id: SqlUuid => Uuid, commitment: Text => String }
);

row!(
    /// Of things of which only the state is compared; `fen` is NULL where they have none.
    ThingRow { id: SqlUuid => Uuid, state: Text => String, fen: Nullable<BigInt> => Option<i64> }
);

row!(AnswerRow { body: Binary => Vec<u8> });

row!(QuotaRow {
    person_id: SqlUuid => Uuid,
    key: Text => String,
    books: Array<Integer> => Vec<BookNo>,
    holders: Array<SqlUuid> => Vec<Uuid>,
    states: Array<SmallInt> => Vec<i16>,
    untils: Array<Nullable<Timestamptz>> => Vec<Option<Moment>>,
});

row!(MarkRow {
    kind: Text => String,
    digest: Binary => Vec<u8>,
    book_id: Nullable<Integer> => Option<BookNo>,
    holder: Nullable<SqlUuid> => Option<Uuid>,
    until: Nullable<Timestamptz> => Option<Moment>,
});

row!(TallyRow {
    person_id: SqlUuid => Uuid,
    key: Text => String,
    held_fen: BigInt => i64,
    used_fen: BigInt => i64,
    count: BigInt => i64,
});

row!(
    /// An organisation, an approval or a store.
    OrganisationRow {
        what: Text => String,
        id: SqlUuid => Uuid,
        organisation: Nullable<SqlUuid> => Option<Uuid>,
        kind: Nullable<Text> => Option<String>,
        uscc: Nullable<Text> => Option<String>,
        region: Text => String,
        family: Nullable<Text> => Option<String>,
        status: Text => String,
    }
);

row!(ProgrammeRow {
    hash: Binary => Vec<u8>,
    id: Text => String,
    version: Integer => i32,
    text: Text => String,
});

row!(CountRow { count: BigInt => i64 });

row!(TrancheRow { name: Text => String, limit_fen: BigInt => i64, drawn_fen: BigInt => i64 });

/// Declares a read of the rows of one book.
macro_rules! of_book {
    ($name:ident -> $row:ty = $text:expr) => {
        pub fn $name(connection: &mut PgConnection, book: BookNo) -> QueryResult<Vec<$row>> {
            diesel::sql_query($text).bind::<Integer, _>(book).load(connection)
        }
    };
}

of_book!(balances -> AccountRow
    = "SELECT account, fen FROM balance WHERE book_id = $1 ORDER BY account");
of_book!(postings -> AccountRow
    = "SELECT account, sum(amount_fen)::bigint AS fen FROM posting WHERE book_id = $1 \
       GROUP BY account ORDER BY account");
of_book!(vouchers -> VoucherRow = "SELECT * FROM voucher WHERE book_id = $1 ORDER BY voucher_id");
of_book!(redemptions -> RedemptionRow
    = "SELECT * FROM redemption WHERE book_id = $1 ORDER BY redemption_id");
of_book!(applications -> ApplicationRow
    = "SELECT * FROM application WHERE book_id = $1 ORDER BY application_id");
of_book!(payees -> PayeeRow
    = "SELECT application_id, commitment FROM vault.payee WHERE book_id = $1 \
       ORDER BY application_id");
row!(DocumentRow {
    document_id: SqlUuid => Uuid,
    application_id: SqlUuid => Uuid,
    state: Text => String,
    commitment: Text => String,
});

row!(ReviewRow { application_id: SqlUuid => Uuid, is_taken: Bool => bool });

row!(
    /// What a neighbour said, as an entry says it.
    NeighbourRow { application_id: SqlUuid => Uuid, answer: Text => String }
);

of_book!(documents -> DocumentRow
    = "SELECT document_id, application_id, CASE WHEN received_at IS NULL THEN 'filed' \
       ELSE 'received' END AS state, encode(commitment, 'hex') AS commitment \
       FROM vault.document WHERE book_id = $1 ORDER BY document_id");
of_book!(reviews -> ReviewRow
    = "SELECT application_id, reviewer IS NOT NULL AS is_taken FROM review WHERE book_id = $1 \
       ORDER BY application_id");
of_book!(neighbour_answers -> NeighbourRow
    = "SELECT application_id, (jsonb_build_object('neighbour', neighbour, 'source', source) \
       || CASE WHEN said IS NULL THEN jsonb_build_object('no_answer', no_answer) \
       ELSE jsonb_build_object('said', said) END)::text AS answer \
       FROM neighbour_answer WHERE book_id = $1 ORDER BY answer_id");
of_book!(old_items -> ThingRow
    = "SELECT old_item_id AS id, state, NULL::bigint AS fen FROM old_item WHERE book_id = $1 \
       ORDER BY old_item_id");
of_book!(appropriations -> ThingRow
    = "SELECT appropriation_id AS id, state, fen FROM appropriation WHERE book_id = $1 \
       ORDER BY appropriation_id");
of_book!(answers -> AnswerRow
    = "SELECT body FROM answer WHERE book_id = $1 AND status < 400 ORDER BY key");
of_book!(tranches -> TrancheRow
    = "SELECT name, limit_fen, drawn_fen FROM tranche WHERE book_id = $1 ORDER BY name");

#[derive(QueryableByName)]
pub struct SubjectRow {
    #[diesel(sql_type = Integer)]
    pub book_id: i32,
    #[diesel(sql_type = SqlUuid)]
    pub person_id: Uuid,
    #[diesel(sql_type = Binary)]
    subject: Vec<u8>,
}

impl SubjectRow {
    /// As leaves write it.
    pub fn subject(&self) -> String {
        hex::encode(&self.subject)
    }
}

/// Declares a read of a whole table.
macro_rules! whole {
    ($name:ident -> $row:ty = $text:expr) => {
        pub fn $name(connection: &mut PgConnection) -> QueryResult<Vec<$row>> {
            diesel::sql_query($text).load(connection)
        }
    };
}

whole!(books -> BookRow = "SELECT book_id, region, family, year FROM book ORDER BY book_id");
whole!(quotas -> QuotaRow
    = "SELECT person_id, key, books, holders, states, untils FROM quota \
       ORDER BY bucket, person_id, key");
whole!(marks -> MarkRow
    = "SELECT kind, digest, book_id, holder, until FROM mark WHERE holder IS NOT NULL \
       ORDER BY bucket, kind, digest");
whole!(tallies -> TallyRow
    = "SELECT person_id, key, held_fen, used_fen, count FROM tally \
       ORDER BY bucket, person_id, key");

// Of the vault only what holds no identity: which pseudonym is whose in which book.
whole!(subjects -> SubjectRow
    = "SELECT book_id, person_id, subject FROM vault.subject ORDER BY book_id, person_id");

whole!(organisations -> OrganisationRow
    = "SELECT 'organisation' AS what, organisation_id AS id, NULL::uuid AS organisation, kind, \
       uscc, region, NULL AS family, status FROM organisation \
       UNION ALL SELECT 'approval', approval_id, organisation_id, NULL, NULL, region, family, \
       status FROM approval \
       UNION ALL SELECT 'store', store_id, organisation_id, NULL, NULL, region, NULL, 'active' \
       FROM store");
whole!(programmes -> ProgrammeRow
    = "SELECT hash, id, version, text FROM programme ORDER BY id, version");

pub fn count_goods(connection: &mut PgConnection) -> QueryResult<i64> {
    let row: CountRow = diesel::sql_query("SELECT count(*) FROM goods").get_result(connection)?;
    Ok(row.count)
}

pub fn count_prices(connection: &mut PgConnection) -> QueryResult<i64> {
    let text = "SELECT count(*) FROM filed_price";
    let row: CountRow = diesel::sql_query(text).get_result(connection)?;
    Ok(row.count)
}

pub fn head(connection: &mut PgConnection, book: BookNo) -> QueryResult<Option<HeadRow>> {
    let text = "SELECT state, size, frontier, root, last_at FROM book_head WHERE book_id = $1";
    diesel::sql_query(text).bind::<Integer, _>(book).get_result(connection).optional()
}

/// A page of entries, after a sequence number.
pub fn entries(
    connection: &mut PgConnection,
    book: BookNo,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<EntryRow>> {
    let text = "SELECT seq, at, kind, about, accounts, amounts, leaf, leaf_hash FROM entry \
                WHERE book_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    diesel::sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(limit)
        .load(connection)
}

row!(
    /// A leaf in its place, with its kind.
    LeafRow { seq: BigInt => i64, kind: Text => String, leaf: Binary => Vec<u8> }
);

/// Leaves of a book from a sequence number on.
pub fn leaves(
    connection: &mut PgConnection,
    book: BookNo,
    from: i64,
    limit: i64,
) -> QueryResult<Vec<LeafRow>> {
    let text = "SELECT seq, kind, leaf FROM entry WHERE book_id = $1 AND seq >= $2 \
                ORDER BY seq LIMIT $3";
    diesel::sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(limit)
        .load(connection)
}

row!(CellsRow { cells: Array<Text> => Vec<String> });

/// The columns of the goods catalogue, as its files have them.
pub const GOODS_COLUMNS: &[&str] = &[
    "gtin",
    "class",
    "brand",
    "model",
    "energy_label",
    "water_label",
    "label_scheme",
    "ccc",
    "in_catalogue",
    "power",
    "displacement_ml",
    "emission",
    "battery",
    "central_set",
    "valid_from",
    "valid_to",
    "source",
    "version",
];

/// The columns of the filed prices.
pub const PRICE_COLUMNS: &[&str] =
    &["gtin", "region", "price_fen", "valid_from", "valid_to", "source"];

/// The goods catalogue as it stands.
pub fn goods_cells(connection: &mut PgConnection) -> QueryResult<Vec<Vec<String>>> {
    cells(connection, "goods", GOODS_COLUMNS, "gtin")
}

/// The filed prices as they stand.
pub fn price_cells(connection: &mut PgConnection) -> QueryResult<Vec<Vec<String>>> {
    cells(connection, "filed_price", PRICE_COLUMNS, "gtin, region, valid_from")
}

fn cells(
    connection: &mut PgConnection,
    table: &str,
    columns: &[&str],
    order: &str,
) -> QueryResult<Vec<Vec<String>>> {
    let cell = |column: &&str| format!("coalesce({column}::text, '')");
    let cells: Vec<String> = columns.iter().map(cell).collect();
    let text = format!("SELECT ARRAY[{}] AS cells FROM {table} ORDER BY {order}", cells.join(", "));
    let rows: Vec<CellsRow> = diesel::sql_query(text).load(connection)?;
    Ok(rows.into_iter().map(|row| row.cells).collect())
}
