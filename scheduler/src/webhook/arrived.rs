//! A request to an endpoint.

use std::net::IpAddr;

use piton_webhook::Headers;

/// What somebody sent to an endpoint.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The address that the connection came from, if it is known.
    pub remote: Option<IpAddr>,
    /// Its headers as they came, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body as it came; empty if it was not read.
    pub body: Vec<u8>,
    /// Trace context, as W3C `traceparent`.
    pub trace: Option<String>,
}

impl Arrived {
    /// The value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Runs this with the headers as the schemes take them.
    pub(super) fn with_headers<T>(&self, act: impl FnOnce(Headers<'_>) -> T) -> T {
        let list: Vec<_> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        act(Headers::new(&list))
    }
}
