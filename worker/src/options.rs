//! How a worker is set up.

use std::{env, ffi::OsString, fmt, net::SocketAddr, num::NonZeroU32, time::Duration};

use piton_shared::{
    limits,
    name::{Build, NameError, Org, Queue},
};
use piton_transport::{NatsAuth, NatsAuthError, check_url, shown_url};

use crate::duration;

/// Where NATS listens if nothing else is said.
const NATS_URL: &str = "nats://127.0.0.1:4222";
const NATS_PREFIX: &str = "piton";

/// How a worker is set up. Every field has a default; [`from_env`](Self::from_env) reads `PITON_…`. Its `Debug` shows no
/// secret.
///
/// ```
/// use piton::{WorkerOptions, name::Queue};
///
/// let options = WorkerOptions {
///     queues: vec![Queue::DEFAULT, Queue::new("gpu").unwrap()],
///     ..WorkerOptions::default()
/// };
/// assert_eq!(options.org.as_str(), "default");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Where NATS is: one URL, or several of one cluster with commas between them. It may hold a user and a password, or a
    /// token.
    /// Variable `PITON_NATS_URL`. Defaults to `nats://127.0.0.1:4222`.
    pub url: String,
    /// How to log in there, beside what the URL says. Variables `PITON_NATS_USER` and `PITON_NATS_PASSWORD`, or one of
    /// `PITON_NATS_TOKEN`, `PITON_NATS_NKEY` and `PITON_NATS_CREDS`; `PITON_NATS_CA` for the server's certificate,
    /// `PITON_NATS_CERT` and `PITON_NATS_KEY` for a client's. Defaults to nothing.
    pub nats_auth: NatsAuth,
    /// The prefix of every subject, which tells installations on one NATS apart: the scheduler's.
    /// Variable `PITON_NATS_PREFIX`. Defaults to `piton`.
    pub nats_prefix: String,
    /// The org it works for. Variable `PITON_ORG`. Defaults to `default`.
    pub org: Org,
    /// The queues it takes work from, at least one. Variable `PITON_QUEUES`, with commas between them.
    /// Defaults to `default` alone.
    pub queues: Vec<Queue>,
    /// The build of its code: it then takes only runs of this build and runs of none. Variable `PITON_BUILD`.
    /// Defaults to none, which takes the runs of no build.
    pub build: Option<Build>,
    /// What people call it; several may have one name. Variable `PITON_WORKER_NAME`.
    /// Defaults to the host's name and the process id.
    pub name: String,
    /// Runs it holds at once. Variable `PITON_RUN_SLOTS`. Defaults to [`limits::RUN_SLOTS`].
    pub run_slots: NonZeroU32,
    /// Functions it executes at once. Variable `PITON_STEP_SLOTS`. Defaults to [`limits::STEP_SLOTS`].
    pub step_slots: NonZeroU32,
    /// How long its functions may finish once it is told to stop; zero hands everything back at once.
    /// Variable `PITON_DRAIN`, as `30s`. Defaults to [`limits::DRAIN`].
    pub drain: Duration,
    /// Where it serves `GET /metrics` (for Prometheus), `GET /health/live` and `GET /health/ready` over HTTP, to whoever
    /// reaches the address. Variable `PITON_METRICS_ADDRESS`, as `127.0.0.1:9464`; port 0 takes any free port.
    /// Defaults to none, which serves nothing. Needs the feature `http`, which is on by default.
    pub metrics_address: Option<SocketAddr>,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            url: NATS_URL.to_owned(),
            nats_auth: NatsAuth::default(),
            nats_prefix: NATS_PREFIX.to_owned(),
            org: Org::DEFAULT,
            queues: vec![Queue::DEFAULT],
            build: None,
            name: own_name(),
            run_slots: RUN_SLOTS,
            step_slots: STEP_SLOTS,
            drain: limits::DRAIN,
            metrics_address: None,
        }
    }
}

const RUN_SLOTS: NonZeroU32 = NonZeroU32::new(limits::RUN_SLOTS).expect("the limit is not zero");
const STEP_SLOTS: NonZeroU32 = NonZeroU32::new(limits::STEP_SLOTS).expect("the limit is not zero");

impl fmt::Debug for WorkerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerOptions")
            .field("url", &shown_url(&self.url))
            .field("nats_auth", &self.nats_auth)
            .field("nats_prefix", &self.nats_prefix)
            .field("org", &self.org)
            .field("queues", &self.queues)
            .field("build", &self.build)
            .field("name", &self.name)
            .field("run_slots", &self.run_slots)
            .field("step_slots", &self.step_slots)
            .field("drain", &self.drain)
            .field("metrics_address", &self.metrics_address)
            .finish()
    }
}

/// A variable of the environment that cannot be used. No text of it shows a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// Not a name.
    #[error("{variable} is `{value}`")]
    Name {
        /// The variable.
        variable: &'static str,
        /// What it was set to.
        value: String,
        /// What a name may not be.
        source: NameError,
    },
    /// Not of the form that is expected.
    #[error("{variable} is `{value}`: {expected}")]
    Form {
        /// The variable.
        variable: &'static str,
        /// What it was set to.
        value: String,
        /// What it should look like.
        expected: String,
    },
    /// Not Unicode.
    #[error("{variable} is not readable as text")]
    Text {
        /// The variable.
        variable: &'static str,
    },
    /// Not one way to log in to NATS.
    #[error(transparent)]
    Nats(#[from] NatsAuthError),
}

impl WorkerOptions {
    /// Reads the variables named on the fields; one that is not set, or empty, leaves the default.
    ///
    /// # Errors
    ///
    /// The first variable that is set to something that cannot be used.
    pub fn from_env() -> Result<Self, OptionsError> {
        Self::read(&|variable| env::var_os(variable))
    }

    fn read(environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, OptionsError> {
        let text = |variable: &'static str| match environment(variable).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) if value.trim().is_empty() => Ok(None),
            Some(Ok(value)) => Ok(Some(value.trim().to_owned())),
            Some(Err(_)) => Err(OptionsError::Text { variable }),
        };
        let mut options = Self::default();
        if let Some(value) = text("PITON_NATS_URL")? {
            options.url = url("PITON_NATS_URL", value)?;
        }
        options.nats_auth = NatsAuth::read(environment)?;
        if let Some(value) = text("PITON_NATS_PREFIX")? {
            let prefix = named("PITON_NATS_PREFIX", &value, Queue::new)?;
            prefix.as_str().clone_into(&mut options.nats_prefix);
        }
        if let Some(value) = text("PITON_ORG")? {
            options.org = named("PITON_ORG", &value, Org::new)?;
        }
        if let Some(value) = text("PITON_QUEUES")? {
            options.queues = queues("PITON_QUEUES", &value)?;
        }
        if let Some(value) = text("PITON_BUILD")? {
            options.build = Some(named("PITON_BUILD", &value, Build::new)?);
        }
        if let Some(value) = text("PITON_WORKER_NAME")? {
            options.name = worker_name("PITON_WORKER_NAME", value)?;
        }
        if let Some(value) = text("PITON_RUN_SLOTS")? {
            options.run_slots = slots("PITON_RUN_SLOTS", value)?;
        }
        if let Some(value) = text("PITON_STEP_SLOTS")? {
            options.step_slots = slots("PITON_STEP_SLOTS", value)?;
        }
        if let Some(value) = text("PITON_DRAIN")? {
            options.drain = drain("PITON_DRAIN", value)?;
        }
        if let Some(value) = text("PITON_METRICS_ADDRESS")? {
            options.metrics_address = Some(address("PITON_METRICS_ADDRESS", value)?);
        }
        Ok(options)
    }
}

fn named<T>(
    variable: &'static str,
    value: &str,
    new: impl Fn(String) -> Result<T, NameError>,
) -> Result<T, OptionsError> {
    new(value.to_owned()).map_err(|source| OptionsError::Name { variable, value: value.to_owned(), source })
}

fn queues(variable: &'static str, value: &str) -> Result<Vec<Queue>, OptionsError> {
    let mut queues = Vec::new();
    for name in value.split(',').map(str::trim) {
        let queue = Queue::new(name.to_owned()).map_err(|source| OptionsError::Name {
            variable,
            value: value.to_owned(),
            source,
        })?;
        if queues.contains(&queue) {
            let expected = format!("`{name}` stands there twice");
            return Err(OptionsError::Form { variable, value: value.to_owned(), expected });
        }
        queues.push(queue);
    }
    Ok(queues)
}

fn url(variable: &'static str, value: String) -> Result<String, OptionsError> {
    match check_url(&value) {
        Ok(()) => Ok(value),
        Err(error) => Err(OptionsError::Form { variable, value: shown_url(&value), expected: error.to_string() }),
    }
}

fn worker_name(variable: &'static str, value: String) -> Result<String, OptionsError> {
    if value.len() <= limits::NAME_BYTES && !value.contains(char::is_control) {
        return Ok(value);
    }
    let expected = format!("at most {} bytes of plain text", limits::NAME_BYTES);
    Err(OptionsError::Form { variable, value, expected })
}

fn slots(variable: &'static str, value: String) -> Result<NonZeroU32, OptionsError> {
    value.parse().map_err(|_| OptionsError::Form {
        variable,
        value,
        expected: "write a whole number from 1".to_owned(),
    })
}

fn drain(variable: &'static str, value: String) -> Result<Duration, OptionsError> {
    if value == "0" {
        return Ok(Duration::ZERO);
    }
    duration::parse(&value).map_err(|expected| OptionsError::Form { variable, value, expected })
}

fn address(variable: &'static str, value: String) -> Result<SocketAddr, OptionsError> {
    value.parse().map_err(|_| OptionsError::Form {
        variable,
        value,
        expected: "write an IP address and a port, as `127.0.0.1:9464`".to_owned(),
    })
}

/// The host and the process, so that people find it; nothing depends on it.
fn own_name() -> String {
    let host = host_name().unwrap_or_else(|| "worker".to_owned());
    format!("{host}-{}", std::process::id())
}

/// What this host is called, as far as it says.
pub(crate) fn host_name() -> Option<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let host = host.trim();
    (!host.is_empty() && host.len() <= 64).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use piton_transport::Credentials;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<WorkerOptions, OptionsError> {
        WorkerOptions::read(&|variable| {
            let (_, value) = pairs.iter().find(|(name, _)| *name == variable)?;
            Some(OsString::from(value))
        })
    }

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(read(&[]), Ok(WorkerOptions::default()));
        assert_eq!(read(&[("PITON_BUILD", ""), ("PITON_DRAIN", " ")]), Ok(WorkerOptions::default()));
    }

    #[test]
    fn every_variable_is_read() {
        let options = read(&[
            ("PITON_NATS_URL", "nats://a:4222, tls://b:4222"),
            ("PITON_NATS_CREDS", "a.creds"),
            ("PITON_NATS_PREFIX", "blue"),
            ("PITON_ORG", "acme"),
            ("PITON_QUEUES", "default, gpu"),
            ("PITON_BUILD", "2026-01-30"),
            ("PITON_WORKER_NAME", "the big one"),
            ("PITON_RUN_SLOTS", "7"),
            ("PITON_STEP_SLOTS", "3"),
            ("PITON_DRAIN", "90s"),
            ("PITON_METRICS_ADDRESS", "[::1]:9464"),
        ]);
        let expected = WorkerOptions {
            url: "nats://a:4222, tls://b:4222".to_owned(),
            nats_auth: NatsAuth { credentials: Some(Credentials::File("a.creds".into())), ..NatsAuth::default() },
            nats_prefix: "blue".to_owned(),
            org: Org::new("acme").expect("a name"),
            queues: vec![Queue::DEFAULT, Queue::new("gpu").expect("a name")],
            build: Some(Build::new("2026-01-30").expect("a name")),
            name: "the big one".to_owned(),
            run_slots: NonZeroU32::new(7).expect("not zero"),
            step_slots: NonZeroU32::new(3).expect("not zero"),
            drain: Duration::from_secs(90),
            metrics_address: Some(SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 9464))),
        };
        assert_eq!(options, Ok(expected));
        assert_eq!(read(&[("PITON_DRAIN", "0")]).map(|options| options.drain), Ok(Duration::ZERO));
    }

    #[test]
    fn the_reference_names_every_variable() {
        let reference = include_str!("../../deploy/configuration.md");
        let asked = std::cell::RefCell::new(Vec::new());
        let options = WorkerOptions::read(&|variable| {
            asked.borrow_mut().push(format!("| `{variable}` | "));
            None
        });
        assert_eq!(options, Ok(WorkerOptions::default()));
        let missing: Vec<_> = asked.into_inner().into_iter().filter(|row| !reference.contains(row)).collect();
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        for (variable, value) in [
            ("PITON_NATS_URL", "http://a"),
            ("PITON_NATS_URL", "nats://"),
            ("PITON_NATS_URL", "nats://a,"),
            ("PITON_NATS_PREFIX", "a.b"),
            ("PITON_ORG", "a.b"),
            ("PITON_QUEUES", "a,,b"),
            ("PITON_QUEUES", "a,a"),
            ("PITON_BUILD", "any"),
            ("PITON_WORKER_NAME", "a\nb"),
            ("PITON_RUN_SLOTS", "0"),
            ("PITON_STEP_SLOTS", "-1"),
            ("PITON_DRAIN", "soon"),
            ("PITON_METRICS_ADDRESS", "9464"),
            ("PITON_METRICS_ADDRESS", "localhost:9464"),
        ] {
            let text = read(&[(variable, value)]).expect_err(value).to_string();
            let shown = if variable == "PITON_NATS_URL" { shown_url(value) } else { value.to_owned() };
            assert!(text.starts_with(&format!("{variable} is `{shown}`")), "{text}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let options = read(&[("PITON_NATS_URL", "nats://u:hush@a")]).expect("usable");
        assert!(!format!("{options:?}").contains("hush"), "{options:?}");
        for pairs in
            [&[("PITON_NATS_URL", "ws://u:hush@a")][..], &[("PITON_NATS_TOKEN", "hush"), ("PITON_NATS_NKEY", "f")]]
        {
            let error = read(pairs).expect_err("it cannot be used");
            assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
        }
    }
}
