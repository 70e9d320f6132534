//! Workflows that are gone from the code, with what still starts them.

use std::collections::BTreeMap;

use piton_shared::{name::Org, time::Timestamp};

use super::{problem::Problem, routes::Door, time::Rfc3339};

/// Those of some workflows that are gone.
#[derive(Debug)]
pub(super) struct Gone(BTreeMap<String, Timestamp>);

impl Gone {
    /// Looks whether they are.
    pub(super) async fn of(door: &Door, org: &Org, workflows: impl IntoIterator<Item = &str>) -> Result<Self, Problem> {
        let mut workflows: Vec<_> = workflows.into_iter().map(str::to_owned).collect();
        workflows.sort_unstable();
        workflows.dedup();
        if workflows.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        door.in_time(door.engine.store().workflows_gone(org, &workflows)).await.map(Self)
    }

    /// Since when it is.
    pub(super) fn since(&self, workflow: &str) -> Option<Rfc3339> {
        self.0.get(workflow).copied().map(Rfc3339::from)
    }
}
