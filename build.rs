//! The migrations are read by a macro when the crate is compiled, which cargo cannot see.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=migrations");
}
