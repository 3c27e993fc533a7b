//! The Rust ndt7 client against the same server.
