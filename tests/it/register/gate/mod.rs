//! The gate: Redis turns people away early, and Postgres decides.

mod at_the_door;
mod command;
mod entries;
mod epochs;
mod faults;
mod money;
mod stress;
mod world;
