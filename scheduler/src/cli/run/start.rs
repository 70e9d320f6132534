//! `piton run start`

use std::{
    io::Read as _,
    time::{Duration, Instant},
};

use piton_shared::{
    codec::{Duplicates, JsonError, read_json},
    limits::REQUEST_BODY_BYTES,
};
use serde_json::{Map, Value, json};

use super::{
    exit_of, is_settled,
    progress::Progress,
    show::{self, path},
    watch,
};
use crate::api::time;
use crate::cli::{
    CliError, Console, Exit,
    client::Client,
    follow::Follow,
    screen::{Screen, text},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Start {
    /// The workflow's name.
    workflow: String,
    /// Its input: JSON, `@FILE`, or `-` for standard input. Null when not said.
    #[arg(long, value_name = "JSON|@FILE|-")]
    input: Option<String>,
    /// Wait for the end, 30 s when no time is said. Exits with 1 if the run fails, with 6 if it still goes on.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "30s", value_parser = time::duration)]
    wait: Option<Duration>,
    /// An idempotency key: the same key and input make one run, however often it is started.
    #[arg(long)]
    key: Option<String>,
    /// The session that the run belongs to.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// A word to find the run by; may be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The queue to publish it to.
    #[arg(long)]
    queue: Option<String>,
    /// Bind the run to workers of this build.
    #[arg(long)]
    build: Option<String>,
    /// How long to wait before it begins: `10s`, `1h 30m`, `3d`.
    #[arg(long, value_name = "TIME")]
    delay: Option<String>,
}

impl Start {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let client = console.client()?;
        let body = self.body()?;
        let started = client.submit("/v1/runs", &body, self.key.as_deref()).await?;
        let Some(wait) = self.wait else {
            console.screen.show(&started, show::started)?;
            return Ok(Exit::Done);
        };
        let run = ended(&client, console.screen, text(&started, "id"), wait).await?;
        console.screen.show(&run, show::run)?;
        Ok(exit_of(&run))
    }

    fn body(&self) -> Result<Value, CliError> {
        let mut body = Map::new();
        body.insert("workflow".into(), json!(self.workflow));
        if let Some(input) = &self.input {
            body.insert("input".into(), input_of(input)?);
        }
        let texts =
            [("session_id", &self.session), ("queue", &self.queue), ("build", &self.build), ("delay", &self.delay)];
        for (name, value) in texts {
            if let Some(value) = value {
                body.insert(name.into(), json!(value));
            }
        }
        if !self.tags.is_empty() {
            body.insert("tags".into(), json!(self.tags));
        }
        Ok(Value::Object(body))
    }
}

/// Waits for a run's end and shows how it goes on; what it is when the time is over.
pub(in crate::cli) async fn ended(
    client: &Client,
    screen: Screen,
    id: &str,
    wait: Duration,
) -> Result<Value, CliError> {
    let until = Instant::now() + wait;
    let mut follow = Follow::of(client, format!("{}/progress", path(id)));
    let mut progress = Progress::of_waiting(screen);
    while let Ok(event) = tokio::time::timeout_at(until.into(), follow.next()).await {
        let Some(event) = event? else { break };
        let laid_out = event.held();
        progress.told(&laid_out, |screen| watch::line(screen, id, &laid_out));
        // One that is parked waits for a person, and so would the caller.
        if is_settled(&event.data) {
            break;
        }
    }
    drop(progress);
    client.get(&path(id)).await
}

/// What an argument says itself, or the file that it names, or standard input; and what that is called.
pub(in crate::cli) fn source(argument: &str, option: &str) -> Result<(String, String), CliError> {
    Ok(match argument {
        "-" => ("standard input".to_owned(), read(std::io::stdin().lock(), "standard input")?),
        argument => match argument.strip_prefix('@') {
            Some(path) => {
                let file = std::fs::File::open(path)
                    .map_err(|error| CliError::new(Exit::Usage, format!("{path} cannot be opened: {error}")))?;
                (path.to_owned(), read(file, path)?)
            }
            None => (option.to_owned(), argument.to_owned()),
        },
    })
}

/// An input as an argument gives it: see [`source`].
pub(in crate::cli) fn input_of(argument: &str) -> Result<Value, CliError> {
    json_of(argument, "--input")
}

/// The JSON that an argument gives, which is called by its option.
pub(in crate::cli) fn json_of(argument: &str, option: &str) -> Result<Value, CliError> {
    let (what, json) = source(argument, option)?;
    json_text(
        &json,
        &what,
        &format!("text needs quotes of its own: {option} '\"text\"'; a file is given as {option} @FILE"),
    )
}

/// The value of a JSON text; errors call the text so, and advise this if it is no JSON at all.
pub(in crate::cli) fn json_text(json: &str, what: &str, advice: &str) -> Result<Value, CliError> {
    read_json(json.as_bytes(), Duplicates::Refused, 1).map_err(|error| match error {
        JsonError::ByteOrderMark => CliError::new(Exit::Usage, format!("{what} is not JSON: {error}")),
        JsonError::Syntax { .. } => CliError::new(Exit::Usage, format!("{what} is not JSON: {error}")).advise(advice),
        JsonError::Duplicate { .. } => CliError::new(Exit::Usage, format!("{what} is not JSON: {error}"))
            .advise("leave out the one that is not meant"),
        JsonError::WideIntegers(pointers) => {
            let place = pointers.first().filter(|pointer| !pointer.is_empty());
            let place = place.map(|pointer| format!(" at {pointer}")).unwrap_or_default();
            let detail = format!("{what} has an integer{place} that 64 bits do not hold");
            CliError::new(Exit::Usage, detail).advise("put it into quotes, and read it as a string")
        }
    })
}

fn read(source: impl std::io::Read, what: &str) -> Result<String, CliError> {
    let wrong = |detail: String| CliError::new(Exit::Usage, format!("{what} {detail}"));
    let mut text = String::new();
    let bytes = source
        .take(REQUEST_BODY_BYTES as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if bytes > REQUEST_BODY_BYTES {
        return Err(wrong(format!("is larger than the {REQUEST_BODY_BYTES} bytes that a request may have")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_json_from_where_they_are_said_to_be() {
        assert_eq!(input_of("{\"a\": [1]}"), Ok(json!({"a": [1]})));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("input.json");
        std::fs::write(&path, "[true]").expect("a file");
        assert_eq!(input_of(&format!("@{}", path.display())), Ok(json!([true])));
        insta::assert_snapshot!(input_of("plain text").expect_err("no JSON").text());
        for wide in ["18446744073709551616", "{\"ids\": [1, -9223372036854775809]}"] {
            insta::assert_snapshot!(input_of(wide).expect_err("no 64 bits").text());
        }
        assert_eq!(input_of("@/no/such/file").expect_err("no file").exit(), Exit::Usage);
    }
}
