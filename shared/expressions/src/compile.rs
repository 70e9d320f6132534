//! Compiling an expression, and refusing what could never work.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::{Program, common::ast::IdedExpr};
use piton_shared::limits::EXPRESSION_BYTES;

use crate::{kinds, language::LANGUAGE, literals, names, on_deep_stack};

/// Brackets within brackets: each costs the parser a good deal of its stack.
const BRACKETS: usize = 24;
/// Operators, dots and commas: each may cost the evaluation a piece of its stack.
const OPERATORS: usize = 400;

/// Why a text is no expression that a trigger can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Nothing was given.
    #[error("may not be empty")]
    Empty,
    /// Longer than [`EXPRESSION_BYTES`].
    #[error("may have {EXPRESSION_BYTES} bytes, this one has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// More than a trigger's expression can need.
    #[error(
        "is nested too deeply or has too many operators: {BRACKETS} brackets within each other and {OPERATORS} operators are allowed"
    )]
    TooDeep,
    /// It could not be looked at.
    #[error("could not be read: the machine has no thread left; try again")]
    Busy,
    /// It is no CEL.
    #[error("is no CEL expression: line {line}, column {column}: {reason}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It names a variable that is not there.
    #[error(
        "there is no variable `{name}`: an expression knows `event`, with its id, name, data, source, origin and time; texts are quoted, as in `'{name}'`"
    )]
    Variable {
        /// The name.
        name: String,
    },
    /// It calls a function that is not there.
    #[error("there is no function `{name}`{meant}; there are {}", names::functions())]
    Function {
        /// The name.
        name: String,
        /// The end of the sentence, if a name is near: `; did you mean …?`.
        meant: String,
    },
    /// It calls a function with arguments that it does not take.
    #[error("`{name}` takes other arguments: `{like}`")]
    Arguments {
        /// The function.
        name: String,
        /// How it is called.
        like: String,
    },
    /// It asks for a member that no event has.
    #[error(
        "an event has no `{name}`{meant}; it has {}, and from a webhook {}",
        names::MEMBERS[..6].join(", "),
        names::MEMBERS[6..].join(", ")
    )]
    Member {
        /// The member.
        name: String,
        /// The end of the sentence, if a name is near: `; did you mean …?`.
        meant: String,
    },
    /// It gives a function a text that the function can never read.
    #[error("`{function}` cannot read '{value}': {why}")]
    Literal {
        /// The function.
        function: String,
        /// The text.
        value: String,
        /// Why.
        why: String,
    },
    /// What has to be true or false is something else, whatever the event is.
    #[error("{part} comes to {kind}, and has to come to true or false")]
    NotATruth {
        /// Which part.
        part: String,
        /// What it comes to.
        kind: &'static str,
    },
    /// It makes a message of a type.
    #[error("there is no type `{name}`: write an object as `{{'name': value}}`")]
    Type {
        /// The name.
        name: String,
    },
}

/// What an expression is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Filter,
    Input,
    /// Of a trigger that was accepted before, perhaps by a version that checked less.
    Stored,
}

/// An expression that was checked. Compiled once and evaluated often.
#[derive(Debug)]
pub struct Expression {
    pub(crate) program: Program,
}

impl Expression {
    /// Compiles and checks the expression of an input.
    ///
    /// # Errors
    /// Says what is wrong with it and what to write instead.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        Self::of(Part::Input, source)
    }

    /// Compiles and checks a filter, which has to come to true or false.
    ///
    /// # Errors
    /// Says what is wrong with it and what to write instead.
    pub fn compile_filter(source: &str) -> Result<Self, ExpressionError> {
        Self::of(Part::Filter, source)
    }

    /// Compiles an expression that was accepted before: refuses what cannot be read or evaluated safely, and nothing that a
    /// version which checked less let through.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn compile_stored(source: &str) -> Result<Self, ExpressionError> {
        Self::of(Part::Stored, source)
    }

    fn of(part: Part, source: &str) -> Result<Self, ExpressionError> {
        if source.trim().is_empty() {
            return Err(ExpressionError::Empty);
        }
        if source.len() > EXPRESSION_BYTES {
            return Err(ExpressionError::TooLong { bytes: source.len() });
        }
        if too_deep(source) {
            return Err(ExpressionError::TooDeep);
        }
        // The parser is a large generated one of somebody else's: that it does not panic is more than we can say.
        let compile = || {
            let compiled = catch_unwind(AssertUnwindSafe(|| LANGUAGE.compile(source)));
            let program = compiled.map_err(|_| broken(1, 1, "it cannot be read"))?.map_err(|errors| syntax(&errors))?;
            let check = |of_kinds: fn(&IdedExpr) -> Result<(), ExpressionError>| {
                names::check(program.expression())?;
                literals::check(program.expression())?;
                of_kinds(program.expression())
            };
            match part {
                Part::Filter => check(kinds::check_filter)?,
                Part::Input => check(kinds::truths)?,
                Part::Stored => {}
            }
            Ok(Self { program })
        };
        on_deep_stack(|_| compile()).map_err(|_| ExpressionError::Busy)?
    }
}

fn syntax(errors: &cel::ParseErrors) -> ExpressionError {
    // Where one part is broken the parser also says what becomes of the rest.
    let syntax = errors.errors.iter().find(|error| error.msg.starts_with("Syntax error"));
    let Some(first) = syntax.or(errors.errors.first()) else {
        return broken(1, 1, "it cannot be read");
    };
    let from_one = |place: isize| usize::try_from(place).unwrap_or(1).max(1);
    // The parser lists every token that could have stood there.
    let reason = first.msg.split(" expecting ").next().unwrap_or_default();
    let reason = reason.strip_prefix("Syntax error: ").unwrap_or(reason);
    broken(from_one(first.pos.0), from_one(first.pos.1), reason)
}

fn broken(line: usize, column: usize, reason: &str) -> ExpressionError {
    ExpressionError::Syntax { line, column, reason: reason.chars().take(200).collect() }
}

/// Whether reading or evaluating it could use up the stack. Counts brackets and operators, also those within texts: nobody
/// has so many there either.
fn too_deep(source: &str) -> bool {
    let mut open = 0_usize;
    let mut deepest = 0;
    let mut operators = 0;
    for character in source.chars() {
        match character {
            '(' | '[' | '{' => {
                open += 1;
                operators += 1;
                deepest = deepest.max(open);
            }
            ')' | ']' | '}' => open = open.saturating_sub(1),
            '!' | '-' | '+' | '*' | '/' | '%' | '<' | '>' | '=' | '&' | '|' | '?' | ':' | '.' | ',' => operators += 1,
            _ => {}
        }
    }
    deepest > BRACKETS || operators > OPERATORS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(source: &str) -> String {
        Expression::compile(source).expect_err(source).to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_cure() {
        let all = [
            "",
            "event.data.amount >",
            "evnt.data.amount > 3",
            "event.data.kind == order",
            "event.data.name.lower() == 'x'",
            "event.data.items.all(i, j > 0)",
            "Order{id: 1}",
            "event.data.a ?? 1",
            "a\n  b",
        ];
        insta::assert_snapshot!(all.map(wrong).join("\n"));
        assert_eq!(wrong(&"x".repeat(5000)), "may have 4096 bytes, this one has 5000");
    }

    #[test]
    fn what_can_never_match_is_refused_and_the_part_is_named() {
        let filters = [
            "event.type == 'order.paid'",
            "event.payload.total > 3",
            "event.dat.total > 3",
            "event['nam'] == 'x'",
            "has(event.type)",
            "event.data.name.matches('(')",
            "event.data.name.matches('a', 'b')",
            "timestamp('yesterday') < timestamp(event.time)",
            "duration('1 day') > duration('1h')",
            "timestamp(event.time).getHours('Mars/Olympus') == 1",
            "int('x') == event.data.total",
            "size(event.data.items, 1) > 1",
            "event.data.name.startWith('x')",
            "event.data.items.all(one)",
            "event.name",
            "event.data.total + 1 > 3 && event.name",
            "!size(event.data.items)",
            "'true'",
            "event.data.items.map(one, one > 1)",
            "event.data.items.exists_one(one, one > 1) ? 1 : 2",
        ];
        let said = filters.map(|filter| match Expression::compile_filter(filter) {
            Ok(_) => format!("{filter} is taken"),
            Err(error) => error.to_string(),
        });
        insta::assert_snapshot!(said.join("\n"));
        for good in [
            "event.data.type == 'x' && event.event_type == 'y' && event.headers['x-y'] == 'z'",
            "event.data",
            "event.data.flag && event.data.items.exists(event, event.type == 1)",
            "event.data.items.all(one, one > 1) && event.data.items.exists_one(one, one)",
            "event.data.name.matches(event.data.pattern) && timestamp(event.time) > timestamp(0)",
            "event.data.a ? event.data.b : false",
            "dyn(event.name)",
        ] {
            assert!(Expression::compile_filter(good).is_ok(), "{good}: {}", wrong(good));
        }
        assert!(Expression::compile("event.name").is_ok(), "an input may be anything");
    }

    #[test]
    fn what_was_accepted_before_goes_on() {
        for source in ["event.source == 'github' || event.type == 'push'", "event.data.name.matches('(')", "event.name"]
        {
            assert!(Expression::compile_filter(source).is_err(), "{source}");
            assert!(Expression::compile_stored(source).is_ok(), "{source}");
        }
        assert!(Expression::compile_stored("event.data.amount >").is_err());
        assert_eq!(Expression::compile_stored(&"(".repeat(2000)).err(), Some(ExpressionError::TooDeep));
    }

    #[test]
    fn depth_is_bounded_before_it_is_parsed() {
        for source in [
            "(".repeat(2000),
            "!".repeat(2000),
            "-".repeat(2000),
            "a?b:".repeat(500),
            "1+".repeat(1500),
            "a.b".repeat(1300),
        ] {
            assert_eq!(Expression::compile(&source).err(), Some(ExpressionError::TooDeep));
        }
    }

    #[test]
    fn the_deepest_that_is_allowed_has_room() {
        let deepest = [
            format!("{}1{}", "(".repeat(BRACKETS), ")".repeat(BRACKETS)),
            format!("{}1{}", "[".repeat(BRACKETS), "]".repeat(BRACKETS)),
            format!("{}1{}", "{'a':".repeat(BRACKETS), "}".repeat(BRACKETS)),
            format!("{}1{}", "string(".repeat(BRACKETS), ")".repeat(BRACKETS)),
            format!("{}1{}", "[1].map(x, ".repeat(5), ")".repeat(5)),
            format!("{}1{}", "[1].map(x, ".repeat(BRACKETS), ")".repeat(BRACKETS)),
            format!("1{}", "+1".repeat(OPERATORS)),
            format!("{}true", "!".repeat(OPERATORS)),
            format!("{}1", "true ? 1 : ".repeat(OPERATORS / 2)),
            format!("event{}", ".a".repeat(OPERATORS)),
            format!("true{}", " && true".repeat(OPERATORS / 2)),
        ];
        for source in deepest {
            if let Ok(expression) = Expression::compile(&source) {
                let evaluated = on_deep_stack(|room| {
                    let scope = crate::EventScope::new(room, &serde_json::json!({}));
                    drop(expression.input(&scope));
                });
                evaluated.expect("a thread starts");
            }
        }
    }
}
