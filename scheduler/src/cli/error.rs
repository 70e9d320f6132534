//! What a command tells the person at the keyboard when it does not work.

use serde_json::Value;

use super::{commands, exit::Exit, screen::escaped};

/// Why a command failed: a sentence, what to do, and the exit code.
#[derive(Debug, Clone, PartialEq)]
pub struct CliError {
    exit: Exit,
    sentence: String,
    advice: Option<String>,
    problem: Option<Value>,
}

impl CliError {
    /// A sentence that says what happened.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), advice: None, problem: None }
    }

    /// With what to do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// An error with all its causes, in one sentence.
    pub fn caused(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self::new(exit, chain(error))
    }

    /// What the server answered in place of a success.
    pub(super) fn answered(status: u16, problem: Value) -> Self {
        let exit = match status {
            404 => Exit::NotFound,
            400..=499 => Exit::Refused,
            _ => Exit::Unavailable,
        };
        let text = |name: &str| problem.get(name).and_then(Value::as_str);
        let sentence = match (text("title"), text("detail")) {
            // What begins with its place in the body says nothing by itself.
            (Some(title), Some(detail)) if detail.starts_with('/') => format!("{title}: {detail}"),
            (_, Some(detail)) => commands::instead_of_requests(detail),
            (Some(title), None) => title.to_owned(),
            (None, None) => format!("the server answered {status} without saying why"),
        };
        let mut lines: Vec<String> = problem
            .get("errors")
            .and_then(Value::as_array)
            .filter(|errors| errors.len() > 1)
            .into_iter()
            .flatten()
            .filter_map(|error| Some(format!("{} {}", error.get("pointer")?.as_str()?, error.get("detail")?.as_str()?)))
            .collect();
        if let (Some(code), Some(id)) = (text("code"), text("request_id")) {
            lines.push(format!("code {code}, request {id}"));
        }
        let advice = (!lines.is_empty()).then(|| lines.join("\n"));
        Self { exit, sentence, advice, problem: Some(problem) }
    }

    /// The reader of our output went away: nothing is left to say, and nothing to say it to.
    pub(super) fn silent() -> Self {
        Self::new(Exit::Done, "")
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The words for people.
    pub fn text(&self) -> String {
        if self.sentence.is_empty() {
            return String::new();
        }
        let mut text = format!("error: {}\n", self.sentence);
        for line in self.advice.iter().flat_map(|advice| advice.lines()) {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
        escaped(&text)
    }

    /// The server's own words, or ours in the same shape.
    pub fn json(&self) -> Value {
        self.problem.clone().unwrap_or_else(|| {
            serde_json::json!({
                "type": "about:blank",
                "title": "The command failed",
                "detail": self.sentence,
                "advice": self.advice,
            })
        })
    }
}

/// An error and its causes, as one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_is_told_with_its_fields_and_its_request() {
        let problem = json!({
            "code": "invalid_field", "title": "A field is wrong", "detail": "2 fields are wrong", "request_id": "r-1",
            "errors": [{"pointer": "/queue", "detail": "may not have a dot"}, {"pointer": "/tags", "detail": "is long"}],
        });
        let error = CliError::answered(422, problem.clone());
        insta::assert_snapshot!(error.text());
        assert_eq!(error.exit(), Exit::Refused);
        assert_eq!(error.json(), problem);
        let one = json!({"title": "A field is wrong", "detail": "/queue: may not have a dot", "errors": [{}]});
        insta::assert_snapshot!(CliError::answered(422, one).text(), @"error: A field is wrong: /queue: may not have a dot");
        let unknown = json!({
            "title": "There is no such run", "detail": "there is no run 7 in your org; `GET /v1/runs` lists those that are there",
        });
        insta::assert_snapshot!(CliError::answered(404, unknown).text(), @"error: there is no run 7 in your org; `piton run list` lists those that are there");
    }

    #[test]
    fn exits_follow_the_status() {
        for (status, exit) in [
            (400, Exit::Refused),
            (401, Exit::Refused),
            (404, Exit::NotFound),
            (409, Exit::Refused),
            (500, Exit::Unavailable),
            (503, Exit::Unavailable),
        ] {
            assert_eq!(CliError::answered(status, Value::Null).exit(), exit);
        }
    }
}
