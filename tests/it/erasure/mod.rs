//! Erasing a person: what goes, what stays true, and what nobody can tell afterwards.

mod attacker;
mod erased;
pub mod life;
