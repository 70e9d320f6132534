//! Talks to the API.

use std::{env, time::Duration};

use piton_shared::limits::REQUEST_WAIT;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect::Policy};
use serde_json::Value;

use super::{
    error::{CliError, chain},
    exit::Exit,
};

/// Names the variable that has the API key.
pub(super) const API_KEY: &str = "PITON_API_KEY";

const CONNECT: Duration = Duration::from_secs(5);
/// Longer than a server holds a stream open.
const STREAM: Duration = Duration::from_mins(20);
const ANSWER: Duration = REQUEST_WAIT.saturating_add(Duration::from_secs(20));

/// What was answered to a delivery.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) status: u16,
    /// JSON, or whatever it was as text.
    pub(super) body: Value,
}

/// A way to one server.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    key: Option<String>,
}

impl Client {
    /// Takes the key from the environment: on a command line others could read it.
    pub(super) fn new(base: Url) -> Result<Self, CliError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(Policy::none())
            .user_agent(concat!("piton/", env!("CARGO_PKG_VERSION")));
        if is_here(&base) {
            // A proxy that the environment names would not reach this machine.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| CliError::caused(Exit::Unavailable, &error))?;
        let key = env::var(API_KEY).ok().filter(|key| !key.is_empty());
        Ok(Self { http, base, key: key.map(checked).transpose()? })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.send(self.request(Method::GET, path)?).await
    }

    /// Opens a stream of events, after the last one that was told.
    pub(super) async fn events(&self, path: &str, last: Option<&str>) -> Result<Response, CliError> {
        let mut request = self.request(Method::GET, path)?.timeout(STREAM).header("Accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.map_err(|error| self.away(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.read(response).await.err().unwrap_or_else(|| self.stranger(StatusCode::OK)))
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.send(self.request(Method::POST, path)?.json(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.send(self.request(Method::PATCH, path)?.json(body)).await
    }

    /// Posts a body as it is to any address, without our key: as a provider would.
    pub(super) async fn deliver(
        &self,
        url: &Url,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<Delivered, CliError> {
        let away = |error: &reqwest::Error| {
            CliError::new(Exit::Unavailable, format!("{url} cannot be reached: {}", cause(error)))
        };
        let mut request = self.http.post(url.clone()).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| away(&error))?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(|error| away(&error))?;
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Ok(Delivered { status, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) })
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Value, CliError> {
        self.send(self.request(Method::DELETE, path)?).await
    }

    /// Posts what makes something, with an idempotency key if there is one.
    pub(super) async fn submit(&self, path: &str, body: &Value, key: Option<&str>) -> Result<Value, CliError> {
        let mut request = self.request(Method::POST, path)?.json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(request).await
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, CliError> {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|error| CliError::caused(Exit::Usage, &error))?;
        let request = self.http.request(method, url);
        Ok(match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, CliError> {
        let response = request.send().await.map_err(|error| self.away(&error))?;
        self.read(response).await
    }

    async fn read(&self, response: Response) -> Result<Value, CliError> {
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| self.away(&error))?;
        let body: Value = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).map_err(|_| self.stranger(status))?
        };
        if status.is_success() {
            return Ok(body);
        }
        let error = CliError::answered(status.as_u16(), body);
        Err(if status == StatusCode::UNAUTHORIZED {
            error.advise(format!("set {API_KEY} to a key; `piton key create NAME` with --database-url or PITON_DATABASE_URL makes the first"))
        } else {
            error
        })
    }

    fn away(&self, error: &reqwest::Error) -> CliError {
        let cause = cause(error);
        CliError::new(Exit::Unavailable, format!("{} cannot be reached: {cause}", self.base))
            .advise("is the server running? `piton dev` starts one here; PITON_URL or --url say where it is")
    }

    fn stranger(&self, status: StatusCode) -> CliError {
        CliError::new(Exit::Unavailable, format!("{} answered {status} and no JSON: it is no Piton server", self.base))
            .advise("PITON_URL or --url say where the server is")
    }
}

/// The key, if a header can carry it. What is wrong is said here: on its way it would look like a server that is away.
fn checked(key: String) -> Result<String, CliError> {
    match key.chars().enumerate().find(|(_, c)| !c.is_ascii_graphic()) {
        None => Ok(key),
        Some((at, c)) => {
            let advice = "a key is `pk_`, letters and digits, and nothing else: was it read with a line break?";
            let sentence = format!("{API_KEY} is no API key: character {} is {c:?}", at + 1);
            Err(CliError::new(Exit::Usage, sentence).advise(advice))
        }
    }
}

/// The cause alone: the address is said beside it.
fn cause(error: &reqwest::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), chain)
}

fn is_here(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
}
