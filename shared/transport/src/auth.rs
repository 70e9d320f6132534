//! How a program proves to NATS who it is, and which server it trusts.

use std::{ffi::OsString, fmt, path::PathBuf};

/// How to log in to NATS, beside the URL. Everything defaults to none. Its `Debug` shows no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NatsAuth {
    /// Proves who this is. A user, password or token in the URL says the same; only one of them may be set.
    pub credentials: Option<Credentials>,
    /// A PEM file of the certificate authorities that may sign the server's certificate, instead of the system's. Where
    /// it is set, the connection is refused unless it is encrypted.
    pub ca: Option<PathBuf>,
    /// Proves to the server by a certificate who this is. Where it is set, the connection is refused unless it is encrypted.
    pub certificate: Option<ClientCertificate>,
}

/// A certificate that a client presents, with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// A PEM file of the certificate, and of those between it and the authority.
    pub certificate: PathBuf,
    /// A PEM file of its private key.
    pub key: PathBuf,
}

/// Proves to NATS who one is. Its `Debug` shows no secret.
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
    /// A file with the seed of an `NKey`.
    NKey(PathBuf),
    /// A file of credentials (JWT and seed) as `nsc` writes it.
    File(PathBuf),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token"),
            Self::Password { user, .. } => write!(f, "Password({user})"),
            Self::NKey(path) => write!(f, "NKey({})", path.display()),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}

/// Variables of the environment that do not say how to log in. The text shows no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NatsAuthError {
    /// Not Unicode.
    #[error("{variable} is not readable as text")]
    Text {
        /// The variable.
        variable: &'static str,
    },
    /// Two ways to log in.
    #[error("{one} and {other} are both set: keep the one that says how to log in to NATS")]
    Both {
        /// One variable.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// One half of a pair.
    #[error("{set} is set and {missing} is not: NATS needs both")]
    Half {
        /// The variable that is set.
        set: &'static str,
        /// The variable that is needed with it.
        missing: &'static str,
    },
}

const USER: &str = "PITON_NATS_USER";
const PASSWORD: &str = "PITON_NATS_PASSWORD";
const TOKEN: &str = "PITON_NATS_TOKEN";
const NKEY: &str = "PITON_NATS_NKEY";
const CREDS: &str = "PITON_NATS_CREDS";
const CA: &str = "PITON_NATS_CA";
const CERT: &str = "PITON_NATS_CERT";
const KEY: &str = "PITON_NATS_KEY";

impl NatsAuth {
    /// Every variable that [`NatsAuth::read`] looks up.
    pub const VARIABLES: [&str; 8] = [USER, PASSWORD, TOKEN, NKEY, CREDS, CA, CERT, KEY];

    /// Reads the variables of the environment, each through `variable`; an empty one counts as not set.
    ///
    /// # Errors
    ///
    /// Variables that contradict each other, lack their other half, or are no text.
    pub fn read(variable: &dyn Fn(&'static str) -> Option<OsString>) -> Result<Self, NatsAuthError> {
        let text = |name: &'static str| match variable(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) if value.trim().is_empty() => Ok(None),
            Some(Ok(value)) => Ok(Some(value.trim().to_owned())),
            Some(Err(_)) => Err(NatsAuthError::Text { variable: name }),
        };
        let login = pair((USER, text(USER)?), (PASSWORD, text(PASSWORD)?))?;
        let ways = [
            (USER, login.map(|(user, password)| Credentials::Password { user, password })),
            (TOKEN, text(TOKEN)?.map(Credentials::Token)),
            (NKEY, text(NKEY)?.map(|path| Credentials::NKey(path.into()))),
            (CREDS, text(CREDS)?.map(|path| Credentials::File(path.into()))),
        ];
        let mut chosen: Option<(&'static str, Credentials)> = None;
        for (name, way) in ways {
            match (&chosen, way) {
                (Some((one, _)), Some(_)) => return Err(NatsAuthError::Both { one, other: name }),
                (None, Some(way)) => chosen = Some((name, way)),
                (_, None) => {}
            }
        }
        let certificate = pair((CERT, text(CERT)?), (KEY, text(KEY)?))?
            .map(|(certificate, key)| ClientCertificate { certificate: certificate.into(), key: key.into() });
        let ca = text(CA)?.map(PathBuf::from);
        Ok(Self { credentials: chosen.map(|(_, way)| way), ca, certificate })
    }
}

type Named = (&'static str, Option<String>);

fn pair((one, first): Named, (other, second): Named) -> Result<Option<(String, String)>, NatsAuthError> {
    match (first, second) {
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (Some(_), None) => Err(NatsAuthError::Half { set: one, missing: other }),
        (None, Some(_)) => Err(NatsAuthError::Half { set: other, missing: one }),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<NatsAuth, NatsAuthError> {
        NatsAuth::read(&|variable| {
            let (_, value) = pairs.iter().find(|(name, _)| *name == variable)?;
            Some(OsString::from(value))
        })
    }

    #[test]
    fn every_variable_is_read() {
        assert_eq!(read(&[]), Ok(NatsAuth::default()));
        assert_eq!(read(&[(TOKEN, " ")]), Ok(NatsAuth::default()));
        let password = read(&[(USER, "u"), (PASSWORD, "p"), (CA, "ca.pem"), (CERT, "c.pem"), (KEY, "k.pem")]);
        let expected = NatsAuth {
            credentials: Some(Credentials::Password { user: "u".to_owned(), password: "p".to_owned() }),
            ca: Some("ca.pem".into()),
            certificate: Some(ClientCertificate { certificate: "c.pem".into(), key: "k.pem".into() }),
        };
        assert_eq!(password, Ok(expected));
        for (variable, value, way) in [
            (TOKEN, "t", Credentials::Token("t".to_owned())),
            (NKEY, "seed", Credentials::NKey("seed".into())),
            (CREDS, "user.creds", Credentials::File("user.creds".into())),
        ] {
            assert_eq!(read(&[(variable, value)]).map(|auth| auth.credentials), Ok(Some(way)));
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_without_its_secret() {
        for pairs in [
            &[(TOKEN, "hush"), (CREDS, "f")][..],
            &[(USER, "u"), (PASSWORD, "hush"), (NKEY, "f")],
            &[(PASSWORD, "hush")],
            &[(USER, "hush")],
            &[(CERT, "hush")],
            &[(KEY, "hush")],
        ] {
            let error = read(pairs).expect_err("it cannot be meant");
            assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
            assert!(error.to_string().contains(pairs[0].0), "{error}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let password = Credentials::Password { user: "u".to_owned(), password: "hush".to_owned() };
        let shown = format!("{:?} {:?}", password, Credentials::Token("hush".to_owned()));
        assert!(!shown.contains("hush"), "{shown}");
    }
}
