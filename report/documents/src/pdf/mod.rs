//! The letter as PDF/A-2, set by typst with the fonts that are built in.

mod markup;
mod press;

pub use press::Press;
