//! What needs more than one part: helpers for tests that run the real program as processes, some of them in network
//! namespaces of their own.
#![allow(missing_docs, clippy::print_stderr, reason = "test helpers; what servers say belongs to the test output")]

pub mod netns;
pub mod program;
