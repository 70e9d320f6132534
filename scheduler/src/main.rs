//! The binary of Piton.
fn main() {}
