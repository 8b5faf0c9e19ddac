//! The edge: who is let in where, what is made of broken requests, what the document says.

mod bodies;
mod document;
mod matrix;
mod sentences;
mod stage;
