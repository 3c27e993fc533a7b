//! The simulated mobile link of `ispeed demo`.

pub(crate) mod lane;
pub(crate) mod link;
pub(crate) mod relay;
