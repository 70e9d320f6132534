//! Whether a declared schedule can be kept.

use std::time::Duration;

use piton_schedule::Rhythm;
use piton_shared::{limits, name::check_definition, trigger::CronTrigger};

/// Says what is wrong with a declared schedule, and what to write instead.
pub fn check(trigger: &CronTrigger) -> Result<(), String> {
    let name = trigger.name.as_deref();
    let shown = name.unwrap_or(&trigger.expression);
    if let Some(Err(error)) = name.map(check_definition) {
        return Err(format!("schedule `{shown}`: {error}"));
    }
    if let Err(error) = Rhythm::parse(&trigger.expression, &trigger.time_zone) {
        return Err(format!("schedule `{shown}`: {error}"));
    }
    if Duration::from_millis(trigger.jitter_millis) > limits::JITTER {
        return Err(format!("schedule `{shown}`: its jitter may be {:?} at most", limits::JITTER));
    }
    if trigger.input.len() > limits::PAYLOAD_BYTES {
        return Err(format!("schedule `{shown}`: its input may have {} bytes", limits::PAYLOAD_BYTES));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use piton_shared::trigger::{CatchUp, Overlap};

    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_the_schedule_it_is_wrong_in() {
        let good = CronTrigger {
            name: None,
            expression: "0 9 * * 1-5".into(),
            time_zone: "Europe/Berlin".into(),
            overlap: Overlap::Allow,
            catch_up: CatchUp::One,
            jitter_millis: 60_000,
            input: Vec::new(),
        };
        assert_eq!(check(&good), Ok(()));
        let bad = [
            CronTrigger { name: Some("a b".into()), ..good.clone() },
            CronTrigger { expression: "0 0 31 2 *".into(), ..good.clone() },
            CronTrigger { name: Some("daily".into()), time_zone: "Berlin".into(), ..good.clone() },
            CronTrigger { jitter_millis: u64::MAX, ..good.clone() },
            CronTrigger { input: vec![0; limits::PAYLOAD_BYTES + 1], ..good },
        ];
        let said: Vec<_> = bad.iter().map(|trigger| check(trigger).expect_err("refused")).collect();
        insta::assert_snapshot!(said.join("\n"));
    }
}
