//! The published logs: what is signed, by whom, and what is never signed.

mod crashes;
mod foreign;
mod forks;
mod http;
mod keys;
mod press;
mod witness;
