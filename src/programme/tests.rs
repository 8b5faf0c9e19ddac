//! Tests of the whole: published programmes, and every complaint that a file can draw.

mod published;
