//! The old thing is real, handed over, and unique.
//!
//! A recycler (for vehicles a dismantler) registers what it took in, looks at it, and says that it
//! is what it was said to be, or that it is not. Only then may money move for it.
//!
//! States: `registered → verified` and `registered → rejected`. Both ends are final, so any book
//! reads a verified item in its handler, without a lock; "not yet" is read afresh each time.
//!
//! **Where.** In the book of the operating region, the class's family and the year of the hand-over
//! day, so that an item taken in on New Year's Eve stays there when its voucher is of the new year.
//!
//! **Unique while live, across programmes and books** (invariant 2): registering takes a mark of
//! each identifier (`old_serial`, `old_plate`, `old_vin`, `old_frame`, `old_certificate`; the
//! register keeps keyed digests only) for this item, without an end. A rejection frees them, a
//! verification does not:
//! what was verified once is not registered again. A second registration is refused
//! `OLD_ITEM_TAKEN`, whoever makes it. A serial is taken as it stands, without its brand, because
//! the brand is what the recycler types: one fridge under two spellings would be two.
//!
//! **Used once.** What binds a verified item to a voucher is another mark, of kind `old_item`
//! ([`model::binding_mark`]), which the redemption takes and keeps. The item's own row does not
//! change then: that it is used follows from the mark.
//!
//! **Identifiers.** A vehicle of family `car` needs its VIN, one that is scrapped the number of its
//! certificate too, an `ebike` its frame number, all else a serial number (or the code that the
//! recycler fixes to it, 一机一码), so that two recyclers name one thing by the same identifier. A
//! VIN with a wrong check digit is taken: old imports have such.
//!
//! **Who.** An organisation that is active, a recycler or dismantler, and approved for the class in
//! that region on the day of the hand-over; its stamp is compared on the desk (`admission.rs`).
//!
//! **Entries** hold class, day, facts, the digests and the photos' SHA-256: no owner, no plate and
//! no free text. A rejection names one reason of a closed list ([`model::RejectReason`]).
//!
//! Invariants kept here: 2, 9 (edges are guarded by the row's version), 10 (clear identifiers end
//! in the handler). Lock order: the book's head, then marks. Cost: one row, its marks, one entry.

pub mod admission;
pub mod entries;
pub mod http;
pub mod identifiers;
pub mod model;
pub mod register;
pub mod reject;
pub mod store;
pub mod verify;
