//! Workers present their definitions.

use piton_shared::message::{
    Answer, Refusal,
    define::{Define, Defined},
};

use super::{bounds, known::Definitions};
use crate::store::{Fault, Store};

/// Takes in what workers say of their definitions.
#[derive(Clone)]
pub struct Definer {
    /// Where to.
    pub store: Store,
    /// Who tells the doors of them.
    pub definitions: Definitions,
}

impl Definer {
    /// Writes a page of definitions and what is declared to start them, or says the same again.
    pub async fn define(&self, define: Define) -> Answer<Defined> {
        // Compiling expressions and schemas takes milliseconds each: not on a thread that others wait for.
        let checking = tokio::task::spawn_blocking(move || bounds::check(&define).map(|()| define));
        let define = match checking.await {
            Ok(Ok(define)) => define,
            Ok(Err(wrong)) => return Answer::Refused(Refusal::Invalid(wrong)),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "failed to check definitions");
                return Answer::Unavailable { reason: error.to_string() };
            }
        };
        match self.store.define(&define).await {
            Ok(Some(())) => {
                for definition in &define.definitions {
                    self.definitions.forget(&define.org, definition.kind, &definition.name);
                }
                Answer::Done(Defined {})
            }
            Ok(None) => Answer::Refused(Refusal::Invalid(format!("there is no org `{}`", define.org))),
            Err(error) => match error.fault() {
                Fault::BadRow => Answer::Refused(Refusal::Invalid(error.reason())),
                // Taken: two processes said the same at once, and one of them sees the other's when it asks again.
                Fault::Taken | Fault::Passing | Fault::Bug => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "failed to write definitions");
                    Answer::Unavailable { reason: error.to_string() }
                }
            },
        }
    }
}
