//! Reaching a server for the first time.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_nats::{Client, ConnectErrorKind, ConnectOptions};
use piton_shared::{limits, subject::Subjects};

use crate::{
    error::ConnectError,
    link::{Link, link},
    reconnect::{Reconnect, TryError},
};

/// How long one try to connect may take.
const CONNECT_TRY: Duration = Duration::from_secs(2);

/// How to reach NATS. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct BusOptions {
    /// Where: `nats://host:port` or `tls://host:port`, several separated by commas.
    pub url: String,
    /// What the server shows of this connection.
    pub name: String,
    /// How to prove who this is, if the server asks. Defaults to none.
    pub credentials: Option<Credentials>,
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
            credentials: None,
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
            .field("url", &without_credentials(&self.url))
            .field("name", &self.name)
            .field("credentials", &self.credentials)
            .field("subjects", &self.subjects)
            .finish_non_exhaustive()
    }
}

/// How to prove to NATS who one is. Its `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A token.
    Token(String),
    /// A user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// The seed of an `NKey`.
    NKey(String),
    /// A file of credentials (JWT and seed) as `nsc` writes it.
    File(PathBuf),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token"),
            Self::Password { user, .. } => write!(f, "Password({user})"),
            Self::NKey(_) => f.write_str("NKey"),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}

pub(crate) async fn connect(options: &BusOptions) -> Result<(Client, Link), ConnectError> {
    let shown = without_credentials(&options.url);
    let connecting = options.reconnect.until(options.connect_within, || try_connect(options));
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

async fn try_connect(options: &BusOptions) -> Result<(Client, Link), TryError<Failed>> {
    let (events, link) = link();
    let events = Arc::new(events);
    let reconnect = options.reconnect;
    let mut connect = ConnectOptions::new()
        .name(&options.name)
        .connection_timeout(CONNECT_TRY.min(options.connect_within))
        .subscription_capacity(options.subscription_messages)
        .reconnect_delay_callback(move |attempt| reconnect.delay(attempt))
        .event_callback(move |event| {
            events.take(&event);
            std::future::ready(())
        });
    connect = match options.credentials.clone() {
        None => connect,
        Some(Credentials::Token(token)) => connect.token(token),
        Some(Credentials::Password { user, password }) => connect.user_and_password(user, password),
        Some(Credentials::NKey(seed)) => connect.nkey(seed),
        Some(Credentials::File(path)) => connect.credentials_file(&path).await.map_err(|error| {
            let reason = format!("{}: {error}", path.display());
            TryError::Lasting(Failed::Options { what: "the credentials file", reason })
        })?,
    };
    let servers: Vec<&str> = options.url.split(',').map(str::trim).collect();
    let client = connect.connect(servers).await.map_err(|error| match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            TryError::Lasting(Failed::Refused(error.to_string()))
        }
        ConnectErrorKind::ServerParse => {
            TryError::Lasting(Failed::Options { what: "the address", reason: error.to_string() })
        }
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Tls
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => TryError::Passing(Failed::Passing(error.to_string())),
    })?;
    Ok((client, link))
}

/// A URL as it may be logged.
fn without_credentials(url: &str) -> String {
    let shown = url.split(',').map(|url| match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}{}", &url[..scheme + 3], &url[at + 1..])
        }
        (None, Some(at)) => url[at + 1..].to_owned(),
        _ => url.to_owned(),
    });
    shown.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        assert_eq!(without_credentials("nats://u:p@h:1,tls://h2:2"), "nats://h:1,tls://h2:2");
        assert_eq!(without_credentials("token@h:1"), "h:1");
        let password = Credentials::Password { user: "u".to_owned(), password: "hush".to_owned() };
        let mut options = BusOptions::new("nats://h", "n");
        options.credentials = Some(password);
        assert!(!format!("{options:?}").contains("hush"));
        assert!(!format!("{:?}", Credentials::Token("hush".to_owned())).contains("hush"));
    }
}
