//! The engine held against workflows of every kind.

mod faults;
mod scripts;
mod time;
mod trials;
