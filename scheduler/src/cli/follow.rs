//! Following what a server tells as it happens: server-sent events, over as many connections as that takes.

use std::time::{Duration, Instant};

use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::{CliError, client::Client, exit::Exit, screen::held};

/// A server says that it is there more often than this.
const SILENCE: Duration = Duration::from_secs(35);
/// Between two tries to get back to what was followed.
const REST: Duration = Duration::from_secs(1);
/// How long a server may be away before it is given up. Longer than one takes to be started again.
const PATIENCE: Duration = Duration::from_secs(30);

/// An event as it was told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) data: Value,
}

impl Event {
    /// The event as it may be laid out for a terminal.
    pub(super) fn held(&self) -> Self {
        Self { data: held(&self.data), ..self.clone() }
    }
}

/// Somebody who follows, from the first event on, whatever breaks on the way.
pub(super) struct Follow<'a> {
    client: &'a Client,
    path: String,
    /// The last event that was told.
    last: Option<String>,
    stream: Option<Stream>,
    /// Since when nobody has answered.
    away: Option<Instant>,
}

impl<'a> Follow<'a> {
    pub(super) fn of(client: &'a Client, path: String) -> Self {
        Self { client, path, last: None, stream: None, away: None }
    }

    /// The next event; none when the server says that nothing follows.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, CliError> {
        loop {
            let Some(stream) = &mut self.stream else {
                match self.client.events(&self.path, self.last.as_deref()).await {
                    Ok(response) if response.status() == StatusCode::NO_CONTENT => return Ok(None),
                    Ok(response) => {
                        self.away = None;
                        self.stream = Some(Stream { response, text: Buffer::default() });
                    }
                    // Whoever has not begun is told at once that it does not work.
                    Err(error) if error.exit() != Exit::Unavailable || self.last.is_none() => return Err(error),
                    Err(error) if self.away.is_some_and(|since| since.elapsed() >= PATIENCE) => return Err(error),
                    Err(_) => self.again().await,
                }
                continue;
            };
            if let Some(event) = stream.next().await {
                self.last = Some(event.id.clone());
                return Ok(Some(event));
            }
            // It broke, or was closed to be opened again.
            self.stream = None;
            self.again().await;
        }
    }

    async fn again(&mut self) {
        self.away.get_or_insert_with(Instant::now);
        tokio::time::sleep(REST).await;
    }
}

/// One connection.
struct Stream {
    response: Response,
    text: Buffer,
}

impl Stream {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.text.event() {
                return Some(event);
            }
            let chunk = tokio::time::timeout(SILENCE, self.response.chunk()).await;
            self.text.push(&chunk.ok()?.ok()??);
        }
    }
}

/// What has come and was not read yet.
#[derive(Debug, Default)]
struct Buffer(Vec<u8>);

impl Buffer {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next event that is there as a whole. Comments and what has no name are passed over.
    fn event(&mut self) -> Option<Event> {
        loop {
            let end = self.0.windows(2).position(|pair| pair == b"\n\n")?;
            let block: Vec<u8> = self.0.drain(..end + 2).collect();
            if let Some(event) = read(&String::from_utf8_lossy(&block)) {
                return Some(event);
            }
        }
    }
}

fn read(block: &str) -> Option<Event> {
    let field = |name: &str| {
        block.lines().find_map(|line| {
            let value = line.strip_prefix(name)?.strip_prefix(':')?;
            Some(value.strip_prefix(' ').unwrap_or(value))
        })
    };
    let data = serde_json::from_str(field("data")?).ok()?;
    Some(Event { name: field("event")?.to_owned(), id: field("id")?.to_owned(), data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = ": hello\nretry: 1000\n\nevent: state\nid: 0.0\ndata: {\"state\":\"ü\"}\n\n:\n\nevent:end\nid:1.0\ndata:{}\n\n";
        for size in 1..text.len() {
            let mut buffer = Buffer::default();
            let mut names = Vec::new();
            for part in text.as_bytes().chunks(size) {
                buffer.push(part);
                names.extend(std::iter::from_fn(|| buffer.event()).map(|event| format!("{} {}", event.name, event.id)));
            }
            assert_eq!(names, ["state 0.0", "end 1.0"], "in parts of {size}");
        }
    }
}
