//! The measuring end.
