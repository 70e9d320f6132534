//! What definitions say of themselves to a scheduler.

mod said;
mod schemas;
