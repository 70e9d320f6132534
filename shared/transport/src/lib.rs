//! NATS for Piton: the only user of `async-nats` and of `backoff`; neither shows in what is public here.
//!
//! - [`Bus`] is one connection: requests with an answer, hints without one, and [`Inbox`]es that hear them.
//! - [`WorkStream`] is a stream of tasks, of runs or of dispatched work, as schedulers see it: publish, look, delete.
//! - [`Puller`] is such a stream as a worker sees it: pull, acknowledge.
//!
//! Everything here is a hint and may be lost, repeated or late; Postgres is the truth. So nothing waits for a
//! connection to come back: while it is away every call fails at once with a `Disconnected` error, and what
//! was under way fails as soon as the loss is noticed. [`Bus::state`] says when to try again.

mod address;
mod auth;
mod bus;
mod connect;
mod delivery;
mod error;
mod inbox;
mod link;
mod login;
mod pull;
mod reconnect;
mod work;

pub use address::{check_url, shown_url};
pub use auth::{ClientCertificate, Credentials, NatsAuth, NatsAuthError};
pub use bus::Bus;
pub use connect::BusOptions;
pub use delivery::Delivery;
pub use error::{ConnectError, RequestError, SendError};
pub use inbox::{Inbox, Received};
pub use link::BusState;
pub use pull::{PullError, Puller};
pub use reconnect::Reconnect;
pub use work::{Progress, PublishError, Stored, StreamIdentity, Task, Work, WorkError, WorkOptions, WorkStream};
