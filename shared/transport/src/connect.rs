//! Reaching a server for the first time.

use std::{fmt, sync::Arc, time::Duration};

use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use piton_shared::{limits, subject::Subjects};

use crate::{
    address::{self, shown_url},
    auth::NatsAuth,
    error::ConnectError,
    link::{Link, link},
    login::Login,
    reconnect::{Reconnect, TryError},
};

/// How long one try to connect may take.
const CONNECT_TRY: Duration = Duration::from_secs(2);

/// How to reach NATS. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct BusOptions {
    /// Where: `nats://host:port` or `tls://host:port`, several separated by commas. A user, password or token in it is used
    /// like [`NatsAuth::credentials`].
    pub url: String,
    /// What the server shows of this connection.
    pub name: String,
    /// How to log in. Defaults to nothing but what the URL says.
    pub auth: NatsAuth,
    /// The prefix of the subjects on which answers arrive. Defaults to `_INBOX`, as with any client of NATS; workers and
    /// schedulers set theirs.
    pub inbox: String,
    /// The names of the installation. Defaults to those with the prefix `piton`.
    pub subjects: Subjects,
    /// How long the first connection may take; afterwards it is tried without end. Defaults to 10 s.
    pub connect_within: Duration,
    /// The waits between tries.
    pub reconnect: Reconnect,
    /// Requests under way at once. Defaults to [`limits::REQUESTS_IN_FLIGHT`].
    pub requests_in_flight: usize,
    /// Unread messages of one subscription. Defaults to [`limits::SUBSCRIPTION_MESSAGES`].
    pub subscription_messages: usize,
}

impl BusOptions {
    /// Everything by default, for the server at `url`.
    pub fn new(url: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: name.into(),
            auth: NatsAuth::default(),
            inbox: "_INBOX".to_owned(),
            subjects: Subjects::default(),
            connect_within: Duration::from_secs(10),
            reconnect: Reconnect::default(),
            requests_in_flight: limits::REQUESTS_IN_FLIGHT,
            subscription_messages: limits::SUBSCRIPTION_MESSAGES,
        }
    }
}

impl fmt::Debug for BusOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusOptions")
            .field("url", &shown_url(&self.url))
            .field("name", &self.name)
            .field("auth", &self.auth)
            .field("subjects", &self.subjects)
            .finish_non_exhaustive()
    }
}

pub(crate) async fn connect(options: &BusOptions) -> Result<(Client, Link), ConnectError> {
    let address = address::read(&options.url)?;
    let login = Login::of(&options.auth, address.credentials).await?;
    let shown = shown_url(&options.url);
    let connecting = options.reconnect.until(options.connect_within, || try_connect(options, &address.servers, &login));
    connecting.await.map_err(|failure| match failure {
        Failed::Refused(reason) => ConnectError::Refused { url: shown.clone(), reason },
        Failed::Options { what, reason } => ConnectError::Options { what, reason },
        Failed::Passing(reason) => ConnectError::Unreachable { url: shown, within: options.connect_within, reason },
    })
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Refused(String),
    #[error("{reason}")]
    Options { what: &'static str, reason: String },
    #[error("{0}")]
    Passing(String),
}

async fn try_connect(
    options: &BusOptions,
    servers: &[ServerAddr],
    login: &Login,
) -> Result<(Client, Link), TryError<Failed>> {
    let (events, link) = link();
    let events = Arc::new(events);
    let reconnect = options.reconnect;
    let connect = ConnectOptions::new()
        .name(&options.name)
        .custom_inbox_prefix(&options.inbox)
        .connection_timeout(CONNECT_TRY.min(options.connect_within))
        .subscription_capacity(options.subscription_messages)
        .reconnect_delay_callback(move |attempt| reconnect.delay(attempt))
        .event_callback(move |event| {
            events.take(&event);
            std::future::ready(())
        });
    let connect = login.apply(connect).map_err(|(what, reason)| TryError::Lasting(Failed::Options { what, reason }))?;
    let client = connect.connect(servers).await.map_err(|error| match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            TryError::Lasting(Failed::Refused(error.to_string()))
        }
        ConnectErrorKind::ServerParse => {
            TryError::Lasting(Failed::Options { what: "the URL", reason: error.to_string() })
        }
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Tls
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => TryError::Passing(Failed::Passing(error.to_string())),
    })?;
    Ok((client, link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credentials;

    #[test]
    fn no_secret_is_shown() {
        let mut options = BusOptions::new("nats://u:hush@h", "n");
        let password = Credentials::Password { user: "u".to_owned(), password: "hush".to_owned() };
        options.auth.credentials = Some(password);
        assert!(!format!("{options:?}").contains("hush"));
    }
}
