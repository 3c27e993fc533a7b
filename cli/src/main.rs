//! The one program a person installs: test, serve, demo, month, boundaries, outbox, verify.
fn main() {}
