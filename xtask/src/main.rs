//! One command per job, the same on a laptop and in CI.
fn main() {}
