//! `piton batch submit`

use std::time::{Duration, Instant};

use piton_shared::{
    codec::{Duplicates, JsonError, read_json},
    limits::REQUEST_WAIT,
};
use serde_json::{Map, Value, json};

use super::{exit_of, path, show};
use crate::api::time;
use crate::cli::{
    CliError, Console, Exit,
    client::Client,
    run::{json_text, source},
    screen::{Screen, number, text},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Submit {
    /// The function's name.
    function: String,
    /// Its items: a JSON array, `@FILE`, or `-` for standard input. A file or an input whose lines are JSON values each
    /// has an item a line. An item is an input, or `{"id": …, "input": …}`.
    #[arg(long, value_name = "JSON|@FILE|-")]
    items: String,
    /// Items that are under way at once at most, in the whole cluster.
    #[arg(long, value_name = "N")]
    max_concurrency: Option<u32>,
    /// Stop at the first item that fails for good: what is under way ends, the rest is cancelled.
    #[arg(long)]
    stop_on_failure: bool,
    /// How long an item may take, all its tries together: `30s`, `5m`.
    #[arg(long, value_name = "TIME")]
    item_timeout: Option<String>,
    /// How often an item that fails is tried again. The function's own policy when not said.
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// The queue whose workers execute the items.
    #[arg(long)]
    queue: Option<String>,
    /// Bind the items to workers of this build.
    #[arg(long)]
    build: Option<String>,
    /// The session that the batch belongs to.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// A word to find its run by; may be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// An idempotency key: the same key and items make one batch, however often it is submitted.
    #[arg(long)]
    key: Option<String>,
    /// Wait for the end, 30 s when no time is said. Exits with 1 if items failed, with 6 if it still goes on.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "30s", value_parser = time::duration)]
    wait: Option<Duration>,
}

impl Submit {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let client = console.client()?;
        let body = self.body()?;
        let submitted = client.submit("/v1/batches", &body, self.key.as_deref()).await?;
        let Some(wait) = self.wait else {
            console.screen.show(&submitted, self::submitted)?;
            return Ok(Exit::Done);
        };
        let batch = ended(&client, text(&submitted, "id"), wait).await?;
        console.screen.show(&batch, show::batch)?;
        Ok(exit_of(&batch))
    }

    fn body(&self) -> Result<Value, CliError> {
        let mut body = Map::new();
        body.insert("function".into(), json!(self.function));
        let (what, items) = source(&self.items, "--items")?;
        body.insert("items".into(), items_of(&what, &items)?);
        let numbers = [("max_concurrency", self.max_concurrency), ("retries", self.retries)];
        body.extend(numbers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
        let texts = [
            ("item_timeout", &self.item_timeout),
            ("queue", &self.queue),
            ("build", &self.build),
            ("session_id", &self.session),
        ];
        body.extend(texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))));
        if self.stop_on_failure {
            body.insert("on_failure".into(), json!("stop"));
        }
        if !self.tags.is_empty() {
            body.insert("tags".into(), json!(self.tags));
        }
        Ok(Value::Object(body))
    }
}

/// A JSON array, or a JSON value a line.
fn items_of(what: &str, text: &str) -> Result<Value, CliError> {
    match read_json(text.as_bytes(), Duplicates::Refused, 1) {
        // A single line that is an array may be meant as one item; whoever means that wraps it once more.
        Ok(items @ Value::Array(_)) => return Ok(items),
        // A value a line, or one: line by line the error says in which.
        Ok(_) | Err(JsonError::Syntax { .. }) => {}
        Err(JsonError::ByteOrderMark | JsonError::Duplicate { .. } | JsonError::WideIntegers(_)) => {
            // It is JSON as a whole, and has what would be read as another value.
            json_text(text, what, "")?;
        }
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let items: Result<Vec<Value>, CliError> = lines
        .map(|(index, line)| {
            let what = format!("{what} is no JSON array, and its line {}", index + 1);
            json_text(line, &what, "give an array of items, or one item a line")
        })
        .collect();
    items.map(Value::Array)
}

/// Waits for a batch's end, over as many requests as that takes; what it is when the time is over.
async fn ended(client: &Client, id: &str, wait: Duration) -> Result<Value, CliError> {
    let until = Instant::now() + wait;
    loop {
        let left = until.saturating_duration_since(Instant::now()).min(REQUEST_WAIT);
        let batch = client.get(&format!("{}?wait={}", path(id), left.as_secs_f64())).await?;
        if exit_of(&batch) != Exit::StillRunning || Instant::now() >= until {
            return Ok(batch);
        }
    }
}

fn submitted(screen: Screen, batch: &Value) -> String {
    let id = text(batch, "id");
    format!(
        "{id}  {}  {} items\n{}\n",
        text(batch, "function"),
        number(batch, "items"),
        screen.dim(&format!("look at it with: piton batch show {id}"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn items_are_an_array_or_lines() {
        let items = |text: &str| items_of("items.jsonl", text);
        assert_eq!(items("[1, {\"id\": \"a\", \"input\": 2}]"), Ok(json!([1, {"id": "a", "input": 2}])));
        assert_eq!(items("{\"n\": 1}\n\n[2]\n\"x\"\n"), Ok(json!([{"n": 1}, [2], "x"])));
        assert_eq!(items(""), Ok(json!([])));
        let wrong = [
            "1\nx\n",
            "[1, 123456789012345678901]",
            "{\"n\": 1}\n{\"n\": 123456789012345678901}\n",
            "[{\"n\": 1, \"n\": 2}]",
            "{\"n\": 1}\n{\"n\": 1, \"n\": 2}\n",
            "\u{feff}[1]",
        ];
        let said = wrong.map(|text| items(text).expect_err(text).text());
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_submitted_batch_says_where_to_look() {
        let batch = json!({"id": "0197", "function": "docs.process", "items": 3});
        insta::assert_snapshot!(submitted(PLAIN, &batch), @r"
        0197  docs.process  3 items
        look at it with: piton batch show 0197
        ");
    }
}
