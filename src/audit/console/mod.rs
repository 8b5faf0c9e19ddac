//! What an auditor sees in a browser: `/console`, made on the server, without any script.
//!
//! Each page is a reading as those over the interface are, made by the same tables and recorded in
//! the register book before it is shown. A browser signs in with its own prompt (HTTP Basic): any
//! name, and an auditor's access token for the password; so there is no form that could be forged
//! and no cookie that could be stolen, and every page only reads.
//!
//! A page forbids everything but its own style sheet (`Content-Security-Policy`), escapes all that
//! it shows, is whole without colour and without a mouse, and prints. A chart is drawn as inline
//! SVG and has its numbers in a table below.

mod chart;
pub mod http;
mod pages;
mod words;
