//! Somebody who follows a run over server-sent events, at whichever scheduler serves.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::rig::SOON;

/// An event as it was told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

/// How the number of the last event travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// As browsers send it.
    Header,
    /// As `after`.
    Query,
}

/// What a stream came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Open,
    /// The other side is gone, or has closed it.
    Over,
    /// The answer was that nothing follows.
    NothingFollows,
}

/// One who follows, over one connection at a time, and keeps what was told.
pub(crate) struct Follower {
    run: String,
    key: String,
    stream: Option<TcpStream>,
    /// What has come and was not read yet: it is lost with the connection.
    text: String,
    pub(crate) told: Vec<Told>,
}

impl Follower {
    pub(crate) fn of(run: &str, key: &str) -> Self {
        Self { run: run.to_owned(), key: key.to_owned(), stream: None, text: String::new(), told: Vec::new() }
    }

    /// Goes on at this scheduler after the last event that was seen; whatever else had come on the way is forgotten.
    pub(crate) async fn go_on(&mut self, at: SocketAddr, by: By) -> anyhow::Result<Stream> {
        self.leave();
        let last = self.told.last().map(|told| told.id.as_str());
        let (query, header) = match (last, by) {
            (None, _) => (String::new(), String::new()),
            (Some(last), By::Query) => (format!("?after={last}"), String::new()),
            (Some(last), By::Header) => (String::new(), format!("last-event-id: {last}\r\n")),
        };
        // Of the older version, whose bodies are not cut into chunks.
        let request = format!(
            "GET /v1/runs/{}/progress{query} HTTP/1.0\r\nhost: {at}\r\nauthorization: Bearer {}\r\n{header}\r\n",
            self.run, self.key
        );
        let mut stream = TcpStream::connect(at).await.context("nobody serves")?;
        stream.write_all(request.as_bytes()).await?;
        self.stream = Some(stream);
        let head = loop {
            if let Some((head, rest)) = self.text.split_once("\r\n\r\n") {
                let (head, rest) = (head.to_owned(), rest.to_owned());
                self.text = rest;
                break head;
            }
            ensure!(self.read().await? == Stream::Open, "no answer: {}", self.text);
        };
        match head.split(' ').nth(1) {
            Some("200") => Ok(Stream::Open),
            Some("204") => Ok(Stream::NothingFollows),
            _ => anyhow::bail!("{head}\n{}", self.text),
        }
    }

    /// Takes one more event from the stream.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Stream> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (told, rest) = (read(block)?, rest.to_owned());
                self.text = rest;
                if let Some(told) = told {
                    self.told.push(told);
                    return Ok(Stream::Open);
                }
            }
            match self.read().await? {
                Stream::Open => {}
                over @ (Stream::Over | Stream::NothingFollows) => return Ok(over),
            }
        }
    }

    /// Takes events up to one that is this; fails if the stream ends before.
    pub(crate) async fn until(&mut self, what: &str, mut is: impl FnMut(&Told) -> bool) -> anyhow::Result<()> {
        loop {
            let stream = self.next().await.with_context(|| format!("before {what}"))?;
            ensure!(stream == Stream::Open, "the stream ended before {what}: {:?}", self.told);
            if self.told.last().is_some_and(&mut is) {
                return Ok(());
            }
        }
    }

    /// The keys of the journal's rows that were told, in that order.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let steps = self.told.iter().filter(|told| told.name == "step");
        steps.filter_map(|told| told.data["key"].as_str()).collect()
    }

    /// One end, and nothing after it; no state is told again as if it were news.
    pub(crate) fn check_course(&self) {
        let ends: Vec<_> = self.told.iter().enumerate().filter(|(_, told)| told.name == "end").collect();
        assert!(matches!(ends[..], [(at, _)] if at + 1 == self.told.len()), "{:?}", self.told);
        let states: Vec<_> = self.told.iter().filter(|told| told.name == "state").collect();
        for pair in states.windows(2) {
            assert_ne!(pair[0].data, pair[1].data, "the same news twice");
        }
    }

    fn leave(&mut self) {
        self.stream = None;
        self.text.clear();
    }

    async fn read(&mut self) -> anyhow::Result<Stream> {
        let Some(stream) = &mut self.stream else { return Ok(Stream::Over) };
        let mut bytes = vec![0; 4096];
        // Killed, the other side may close the connection, or reset it.
        let read = timeout(SOON, stream.read(&mut bytes)).await.context("nothing is told")?.unwrap_or(0);
        if read == 0 {
            self.leave();
            return Ok(Stream::Over);
        }
        // Everything in these runs is ASCII.
        self.text.push_str(std::str::from_utf8(&bytes[..read]).context("no ASCII")?);
        Ok(Stream::Open)
    }
}

/// `None`: a comment, or the word when to come back.
fn read(block: &str) -> anyhow::Result<Option<Told>> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let Some(name) = field("event") else { return Ok(None) };
    let data = serde_json::from_str(field("data").context("an event has data")?)?;
    Ok(Some(Told { name: name.to_owned(), id: field("id").context("an event has an id")?.to_owned(), data }))
}
