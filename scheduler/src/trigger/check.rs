//! Whether a trigger can be kept.

use piton_shared::trigger::Trigger;

/// What is wrong with a trigger, if anything is: names what, and what to do. The clock's are left to their own check.
pub fn check(trigger: &Trigger) -> Result<(), String> {
    match trigger {
        Trigger::Event(_) | Trigger::Webhook(_) | Trigger::Cron(_) => Ok(()),
    }
}
