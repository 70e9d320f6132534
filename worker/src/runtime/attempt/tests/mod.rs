//! The attempt against a scheduler in memory, without a clock, a network or a runtime.

mod chaos;
mod plan;
mod rules;
mod world;
