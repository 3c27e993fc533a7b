#![cfg(feature = "build")]
//! Building, loading and asking bundles of made-up communes.

mod input;
mod partition;
mod resolve;
mod shapes;
mod tiling;
