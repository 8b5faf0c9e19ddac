//! A command decided and never saved.

use super::BookInfo;
use super::batch::ROUNDS;
use super::desk::{Ask, Desk, Tx};
use super::model::{Command, Decision, Fault};
use super::store;
use chrono::{TimeDelta, Utc};
use diesel::{PgConnection, QueryResult};

/// Decides one command without saving anything: what a quote answers. Registers are read, not
/// taken, so that a crowd that asks for prices makes nobody wait.
pub fn run(
    connection: &mut PgConnection,
    book: &BookInfo,
    clock_offset: TimeDelta,
    command: &dyn Command,
) -> QueryResult<Result<Decision, Fault>> {
    let head = store::read_head(connection, book.no)?;
    let moneys = store::load_moneys(connection, book.no)?;
    let now = Utc::now() + clock_offset;
    let mut desk = Desk::new(now, book.no, &head.state, moneys).dry();
    let mut tx = Tx { connection, book: book.no, now };
    for _ in 0..ROUNDS {
        command.needs(&mut Ask::of(&mut desk));
        if !desk.load(&mut tx, false)? {
            break;
        }
    }
    desk.load(&mut tx, true)?;
    Ok(command.decide(&mut desk))
}
