//! The HTTP door: `/v1` for callers, `/health` and `/metrics` for those who run the scheduler.
//!
//! A request passes, from the outside in: `request` (id, span, panics), `access` (who asks), `request::bounded` (room
//! and time), then its handler, which reads it by `query`, `body` and `fields`, asks the [`Engine`](crate::engine::Engine)
//! and answers with a view or a [`Problem`]. A problem's [`Code`] never changes its meaning.

mod access;
mod batch_body;
mod batch_view;
mod batches;
pub(crate) mod body;
mod code;
mod control;
mod definition_view;
mod definitions;
mod document;
mod etag;
pub(crate) mod events;
mod export;
mod fields;
mod gone;
mod health;
mod hooks;
mod input;
mod journal;
pub(crate) mod keys;
mod limits;
mod link;
mod lists;
mod pages;
mod problem;
mod progress;
mod query;
mod request;
mod routes;
mod runs;
mod schedules;
mod secret;
mod serve;
mod share;
mod start;
mod state;
pub mod time;
mod triggers;
mod view;
mod webhooks;
mod workers;

pub use access::{Access, NotLoopback, Scope, Scopes, UnknownScope};
pub use code::Code;
pub use document::openapi;
pub use keys::MintedKey;
pub use limits::{KEY_MEMORY, Times};
pub use problem::{FieldError, Problem};
pub(crate) use runs::escape;
pub use secret::Secret;
pub use serve::{ServeError, serve, serve_health, serve_within};
