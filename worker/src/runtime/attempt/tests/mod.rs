//! The attempt against a scheduler in memory, without a clock, a network or a runtime.

mod away;
mod batches;
mod case;
mod chaos;
mod outside;
mod plan;
mod play;
mod rules;
mod states;
mod verbs;
mod world;
