//! `tradein openapi`: the document that the service serves.

use crate::routes::openapi;

/// Prints the OpenAPI 3.1 document of the interface
#[derive(Debug, clap::Args)]
pub struct OpenApi {}

impl OpenApi {
    pub fn run(self) -> anyhow::Result<()> {
        print!("{}", openapi::document());
        Ok(())
    }
}
