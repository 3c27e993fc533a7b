//! What needs more than one part: helpers for tests that run the real program as processes, some of them in network
//! namespaces of their own.
#![allow(missing_docs, reason = "test helpers; each module says what it is for")]

pub mod netns;
pub mod program;
