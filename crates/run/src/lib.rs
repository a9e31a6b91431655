//! Starts programs, bounds them, leaves none behind, and tells what they used.

pub mod tasks;
