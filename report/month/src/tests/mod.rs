//! A month in memory: closed, closed again, tampered with, revised.

mod close;
mod memory;
mod revise;
mod speed;
mod verify;
