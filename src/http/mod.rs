//! Edge plumbing without business words: problem+json, extractors, middleware, health.

pub mod problem;
