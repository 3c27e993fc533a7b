//! What to measure next: the collector's plan, packs of it for a day without a network, and where to go from here.
//!
//! - [`fetch`]: `GET /v1/plan`, `/v1/plan/pack`, `/v1/campaigns/{code}`.
//! - [`packs`]: packs kept on the device, checked whenever they are read.
//! - [`guide`]: pure; from a plan, a point and what was measured here since to cells, shortfall and the next moment that counts.
//! - [`own`]: what was measured here since. [`pair`]: two phones that start at one moment.

pub mod fetch;
pub mod guide;
pub mod own;
pub mod packs;
pub mod pair;
