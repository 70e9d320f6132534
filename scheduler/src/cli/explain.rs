//! `piton error`

use serde_json::{Value, json};

use super::{
    CliError, Console, Exit,
    screen::{Screen, items, number, text},
};
use crate::api::Code;

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The code as an error names it: `unknown_run`. All of them when not said.
    code: Option<String>,
}

impl Explain {
    pub(super) fn run(self, console: &Console) -> Result<Exit, CliError> {
        let Some(word) = self.code else {
            let all = json!({ "errors": Code::ALL.iter().copied().map(page).collect::<Vec<_>>() });
            console.screen.show(&all, list)?;
            return Ok(Exit::Done);
        };
        let code = Code::of(&word).ok_or_else(|| {
            CliError::new(Exit::NotFound, format!("no error has the code `{word}`"))
                .advise("`piton error` lists all codes")
        })?;
        console.screen.show(&page(code), one)?;
        Ok(Exit::Done)
    }
}

/// A code as the server's own page has it in JSON.
fn page(code: Code) -> Value {
    json!({
        "code": code.word(),
        "status": code.status().as_u16(),
        "title": code.title(),
        "page": code.text(),
        "address": code.address(),
    })
}

fn one(screen: Screen, page: &Value) -> String {
    let words = text(page, "page");
    let head = format!("{} (HTTP {}, {})", text(page, "title"), number(page, "status"), text(page, "code"));
    format!("{}\n\n{words}\n", screen.bold(&head))
}

fn list(screen: Screen, all: &Value) -> String {
    let rows = items(all, "errors").iter().map(|page| {
        vec![text(page, "code").to_owned(), number(page, "status").to_string(), text(page, "title").to_owned()]
    });
    screen.table(&["code", "status", "title"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn a_code_is_explained_in_words() {
        insta::assert_snapshot!(one(PLAIN, &page(Code::RunNotParked)));
    }

    #[test]
    fn every_code_is_listed() {
        let all = json!({ "errors": Code::ALL.iter().copied().map(page).collect::<Vec<_>>() });
        let shown = list(PLAIN, &all);
        assert_eq!(shown.lines().count(), Code::ALL.len() + 1, "{shown}");
    }
}
