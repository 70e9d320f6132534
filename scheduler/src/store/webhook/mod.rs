//! Endpoints of webhooks, their secrets, and what arrived.

mod delivery;
mod endpoint;
mod secret;

pub use delivery::{DeliveryFilter, DeliveryRow, NewDelivery};
pub use endpoint::{EndpointChange, EndpointRow, LookedUp, NewEndpoint};
pub use secret::{NewSecret, SecretAdded, SecretRow};
