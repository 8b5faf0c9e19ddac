//! Changing a set of reference rows so that whoever screened over the old ones notices.

use super::desk::Desk;
use super::model::Fault;
use super::store::Stamp;

/// Tells every screening that saw the old rows that they have changed.
///
/// # Errors
/// A command that bumps a stamp must have asked for it.
pub fn bump(desk: &mut Desk, name: &str) -> Result<(), Fault> {
    let version = desk.get::<Stamp>(&name.to_owned())?.map_or(0, |stamp| stamp.version);
    desk.put(Stamp { name: name.to_owned(), version: version + 1 });
    Ok(())
}
