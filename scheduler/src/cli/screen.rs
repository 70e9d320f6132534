//! Where output goes, and in which form.

use std::io::{self, IsTerminal, Write as _};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets::NOTHING};
use serde_json::Value;

use super::error::CliError;
use super::exit::Exit;

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Words and tables.
    People,
    /// The API's own objects.
    Json,
}

/// Whether words are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    On,
    Off,
}

/// Standard output as commands see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    pub(super) form: Form,
    pub(super) colour: Colour,
    /// Columns, if they are to be kept to.
    pub(super) width: Option<u16>,
}

impl Screen {
    /// Colours only for a terminal, and only if `NO_COLOR` is not set.
    pub(super) fn of_stdout(form: Form, colour: Colour) -> Self {
        let plain = !io::stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        let colour = if plain { Colour::Off } else { colour };
        Self { form, colour, width: Table::new().width() }
    }

    /// Prints an object of the API, or what people see of it.
    pub(super) fn show(self, object: &Value, people: impl FnOnce(Self, &Value) -> String) -> Result<(), CliError> {
        match self.form {
            Form::Json => print(&format!("{object:#}\n")),
            Form::People => print(&released(&people(self, &held(object)))),
        }
    }

    /// The word of a state, in its colour.
    pub(super) fn state(self, word: &str) -> String {
        let code = match word {
            "completed" | "ok" | "working" => "32",
            "failed" | "killed" | "parked" | "problem" | "gone" | "orphaned" => "31",
            "running" => "36",
            "cancelled" | "draining" | "suspended" => "33",
            _ => return word.to_owned(),
        };
        self.paint(code, word)
    }

    /// Words that matter less.
    pub(super) fn dim(self, words: &str) -> String {
        self.paint("2", words)
    }

    /// Words that matter more.
    pub(super) fn bold(self, words: &str) -> String {
        self.paint("1", words)
    }

    fn paint(self, code: &str, words: &str) -> String {
        match self.colour {
            Colour::On => format!("\u{1b}[{code}m{words}\u{1b}[0m"),
            Colour::Off => words.to_owned(),
        }
    }

    /// A table that fits, without lines. The last column takes what is left.
    pub(super) fn table(self, head: &[&str], rows: Vec<Vec<String>>) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(head.to_vec());
        table.add_rows(rows);
        if let Some(width) = self.width {
            table.set_width(width);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        if let Some(id) = table.column_mut(0) {
            // What is copied must stay in one piece.
            id.set_constraint(ColumnConstraint::ContentWidth);
        }
        let mut text = table.trim_fmt();
        text.push('\n');
        text
    }

    /// One line, cut to the width.
    pub(super) fn cut(self, line: &str) -> String {
        let room = self.width.map_or(usize::MAX, usize::from);
        if line.chars().count() <= room {
            return line.to_owned();
        }
        line.chars().take(room.saturating_sub(1)).chain(['…']).collect()
    }
}

/// Where characters that a terminal would obey are kept until they are printed: a plane that no text of ours uses.
const HELD: u32 = 0xF_0000;

/// Characters that a terminal obeys instead of showing them: control characters, and those that turn the direction of text.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// An object as it may be laid out for a terminal: in its texts no character is left that a terminal obeys. Whoever prints
/// them calls [`released`]: they are shown as escapes then, once, also where they stood in JSON.
pub(super) fn held(object: &Value) -> Value {
    let hold = |text: &str| -> String {
        let hold = |c: char| if is_obeyed(c) { char::from_u32(HELD + u32::from(c)).unwrap_or('\u{fffd}') } else { c };
        text.chars().map(hold).collect()
    };
    match object {
        Value::String(text) => Value::String(hold(text)),
        Value::Array(items) => items.iter().map(held).collect(),
        Value::Object(members) => members.iter().map(|(name, member)| (hold(name), held(member))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => object.clone(),
    }
}

/// What was laid out, with escapes for what was [`held`].
pub(super) fn released(text: &str) -> String {
    let original = |c: char| u32::from(c).checked_sub(HELD).and_then(char::from_u32).filter(|c| is_obeyed(*c));
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        match original(c) {
            Some(held) => shown.extend(held.escape_debug()),
            None => shown.push(c),
        }
        shown
    })
}

/// Words of others within a sentence, with escapes for what a terminal would obey; lines stay.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if is_obeyed(c) && c != '\n' {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
        shown
    })
}

/// Prints; ends the command quietly when nobody reads any more.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            CliError::silent()
        } else {
            CliError::new(Exit::Unavailable, format!("the output cannot be written: {error}"))
        }
    })
}

/// A member of an object as text; empty when it is not there.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or("")
}

/// A member of an object as a number; 0 when it is not there.
pub(super) fn number(object: &Value, name: &str) -> i64 {
    object.get(name).and_then(Value::as_i64).unwrap_or(0)
}

/// A list of texts, in one.
pub(super) fn words(object: &Value, name: &str) -> String {
    let items = object.get(name).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

/// The members of a list.
pub(super) fn items<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A time without its day and its last digits, for lines that follow each other.
pub(super) fn clock(rfc3339: &str) -> String {
    rfc3339.get(11..23).unwrap_or(rfc3339).to_owned()
}

/// A time to the second.
pub(super) fn second(rfc3339: &str) -> String {
    rfc3339.get(..19).map_or_else(|| rfc3339.to_owned(), |text| format!("{}Z", text.replace('T', " ")))
}

/// The time between two times, as people say it; a dash while one is missing.
pub(super) fn between(from: &str, to: &str) -> String {
    let (Ok(from), Ok(to)) = (from.parse::<jiff::Timestamp>(), to.parse::<jiff::Timestamp>()) else {
        return "-".into();
    };
    let millis = to.duration_since(from).as_millis();
    match millis {
        ..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.1} s", millis as f64 / 1e3),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis / 1_000 % 60),
        _ => format!("{} h {} min", millis / 3_600_000, millis / 60_000 % 60),
    }
}

#[cfg(test)]
pub(super) const PLAIN: Screen = Screen { form: Form::People, colour: Colour::Off, width: Some(100) };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        let at = "2026-11-21T10:00:00.000000Z";
        for (to, said) in [
            ("2026-11-21T10:00:00.012000Z", "12 ms"),
            ("2026-11-21T10:00:01.250000Z", "1.2 s"),
            ("2026-11-21T10:02:03.000000Z", "2 min 3 s"),
            ("2026-11-21T13:30:00.000000Z", "3 h 30 min"),
            ("", "-"),
        ] {
            assert_eq!(between(at, to), said);
        }
        assert_eq!(clock(at), "10:00:00.000");
        assert_eq!(second(at), "2026-11-21 10:00:00Z");
    }

    #[test]
    fn nothing_of_others_is_obeyed_by_a_terminal() {
        let evil = "a\u{1b}[2J\u{9b}31m\r\n\u{7}\u{202e}b";
        let object = serde_json::json!({ "message": evil, "list": [evil], (evil): { "result": evil } });
        let laid_out = format!("{}\n{}", text(&held(&object), "message"), held(&object));
        let shown = released(&laid_out);
        assert!(!shown.chars().any(|c| is_obeyed(c) && c != '\n'), "{shown:?}");
        assert_eq!(shown.lines().count(), 2, "nobody but us begins a line: {shown:?}");
        assert!(shown.starts_with(r"a\u{1b}[2J\u{9b}31m\r\n\u{7}\u{202e}b"), "{shown:?}");
        assert_eq!(released(&PLAIN.cut("a\tb\n")), "a\tb\n", "what we lay out ourselves is printed as it is");
        assert_eq!(escaped("one\ntwo\u{1b}["), "one\ntwo\\u{1b}[");
    }

    #[test]
    fn lines_are_cut_by_characters() {
        let narrow = Screen { width: Some(5), ..PLAIN };
        assert_eq!(narrow.cut("äöüäöü"), "äöüä…");
        assert_eq!(narrow.cut("äöüäö"), "äöüäö");
    }
}
