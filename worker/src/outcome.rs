//! What functions and workflows return.

use std::error::Error;

use piton_shared::failure::Failure;

/// A result whose error is a [`Failure`] unless said otherwise.
///
/// `?` turns any error into a failure that is tried again; [`ResultExt::permanent`] makes it final.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// What the body of a function or workflow may return: a `Result` whose error becomes a [`Failure`].
///
/// That is every error, `Box<dyn Error + Send + Sync>`, `anyhow::Error`, a text, and [`Failure`] itself.
#[diagnostic::on_unimplemented(
    message = "a function or workflow returns `Result<T, E>`, not `{Self}`",
    label = "return a `Result`",
    note = "`T` is any value that can be journaled; `E` is any error, or `piton::Failure`"
)]
pub trait Outcome {
    /// The type of a success.
    type Ok;

    /// The same with the one error type that is journaled.
    fn into_outcome(self) -> Result<Self::Ok>;
}

#[diagnostic::do_not_recommend]
impl<T, E: Into<Failure>> Outcome for std::result::Result<T, E> {
    type Ok = T;

    fn into_outcome(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

/// Says that no further try will help.
pub trait ResultExt<T> {
    /// Turns the error into a failure that is final: the step gives up at once.
    ///
    /// ```
    /// use piton::prelude::*;
    ///
    /// fn read_cents(text: &str) -> Result<u64> {
    ///     // A text that is no number today is none tomorrow.
    ///     text.parse::<u64>().permanent()
    /// }
    ///
    /// let failure = read_cents("twelve").unwrap_err();
    /// assert_eq!(failure, Failure::permanent("invalid digit found in string"));
    /// ```
    fn permanent(self) -> Result<T>;
}

impl<T, E: Into<Failure>> ResultExt<T> for std::result::Result<T, E> {
    fn permanent(self) -> Result<T> {
        self.map_err(|error| error.into().into_permanent())
    }
}

/// The error of awaiting a bare call, which does not compile: it cannot be made.
#[derive(Debug, Clone, Copy)]
pub enum Unmade {}

impl std::fmt::Display for Unmade {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

impl Error for Unmade {}
