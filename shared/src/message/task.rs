//! A run's task in the work queue: a hint that there is something to claim.

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, RunId};

/// Says that a run was published. Small on purpose: everything else comes with the claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTask {
    /// The run.
    pub run: RunId,
    /// The publish this message belongs to; a claim with an older one is refused.
    pub epoch: Epoch,
}

impl RunTask {
    /// The message id by which the stream drops a repeated publish of the same epoch.
    pub fn message_id(&self) -> String {
        format!("{}/{}", self.run, self.epoch)
    }
}
