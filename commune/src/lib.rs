//! Point to commune, with border doubt.
//!
//! Pure: no clock, no socket, no file. A caller hands in the bytes of a boundary bundle ([`Boundaries::load`]) and asks
//! [`Boundaries::resolve`]; without a bundle [`gazetteer::resolve`] answers from embedded commune centres and always says
//! `approximate`. The `build` feature adds the builder that turns GeoJSON into a bundle; phones do without.
//!
//! What the four verdicts promise is written at [`Boundaries::resolve`].
#![warn(missing_docs)]

#[cfg(feature = "build")]
pub mod build;
mod bundle;
pub mod cell;
pub mod gazetteer;
mod plane;
mod point;

pub use bundle::{Boundaries, BundleError, CommuneInfo, TableInfo};
pub use cell::cell;
pub use ispeed_protocol::Cell;
pub use ispeed_protocol::place::{Candidate, Place, PlaceVerdict};
pub use point::{Point, PointError};
