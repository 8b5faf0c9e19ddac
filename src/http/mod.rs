//! Edge plumbing without business words: problem+json, extractors, middleware.

pub mod extract;
pub mod problem;
pub mod request;
pub mod strict;
