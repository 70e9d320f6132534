//! What the demo claims, and whether it is so. Pure: what was seen goes in, lines come out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{customers::Placed, ledger::Books, written::Written};

/// A claim, what was found, and whether both agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) claim: String,
    pub(super) found: String,
    pub(super) holds: bool,
}

/// Everything that was seen.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) orders: usize,
    pub(super) placed: &'a [Placed],
    /// By run: the run, and its journal.
    pub(super) written: &'a BTreeMap<String, Written>,
    pub(super) books: &'a Books,
    /// Charges that the killed worker had begun and not finished.
    pub(super) interrupted: usize,
}

impl Evidence<'_> {
    /// Runs that had more than one attempt: another worker took them over.
    pub(super) fn taken_over(&self) -> usize {
        let attempts = self.written.values().map(|(run, _)| run["attempts"].as_u64().unwrap_or_default());
        attempts.filter(|attempts| *attempts > 1).count()
    }

    pub(super) fn claims(&self) -> Vec<Claim> {
        let Self { orders, written, books, interrupted, .. } = self;
        let completed = written.values().filter(|(run, _)| run["state"] == "completed").count();
        let taken_over = self.taken_over();
        let three = written.values().filter(|(_, entries)| is_one_history(entries)).count();
        let one_run = self.placed.iter().filter(|placed| placed.runs.len() == 1).count();
        let charges: usize = books.charges.values().map(Vec::len).sum();
        let twice = books.charged_twice().len();
        let agreed = self.placed.iter().filter(|placed| agrees(&placed.result, &placed.order, books)).count();
        let again = books.called_again().len();
        vec![
            Claim::all("every order was placed and answered", *orders, self.placed.len()),
            Claim::all("one order, one run, however often it was sent", *orders, one_run.min(written.len())),
            Claim::all("every run completed", *orders, completed),
            Claim {
                claim: "runs of the killed worker were taken over by others".into(),
                found: format!("{taken_over} taken over, {interrupted} of them in the middle of a charge"),
                holds: taken_over > 0 && *interrupted > 0,
            },
            Claim::all("each journal has each of the three steps once", *orders, three),
            Claim {
                claim: "no customer was charged twice, none was forgotten".into(),
                found: format!("{charges} charges for {} orders, {twice} twice", books.charges.len()),
                holds: twice == 0 && charges == *orders && books.charges.len() == *orders,
            },
            Claim::all("each customer was told the charge that was made", *orders, agreed),
            Claim {
                claim: "a function may run again after a crash; its key makes it safe".into(),
                found: format!("the provider was called {} times, {again} orders twice or more", books.calls.len()),
                holds: books.calls.len() >= *orders,
            },
        ]
    }
}

impl Claim {
    fn all(claim: &str, expected: usize, found: usize) -> Self {
        Self { claim: claim.into(), found: format!("{found} of {expected}"), holds: found == expected }
    }
}

/// The three steps, each with a result, each once.
fn is_one_history(entries: &[Value]) -> bool {
    let names: BTreeSet<&str> = entries.iter().filter_map(|entry| entry["name"].as_str()).collect();
    let results = entries.iter().all(|entry| !entry["result"].is_null());
    entries.len() == 3 && results && names == BTreeSet::from(["validate_order", "charge_customer", "send_confirmation"])
}

/// Whether the charge that the customer was told is the one in the provider's books.
fn agrees(result: &Value, order: &str, books: &Books) -> bool {
    let told = result["charge_id"].as_str().unwrap_or_default();
    let keys = books.charges.get(order).map(Vec::as_slice).unwrap_or_default();
    matches!(keys, [key] if told == format!("ch_{key}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::Call;

    fn call(pid: u32) -> Call {
        Call { key: "r+charge".into(), pid, try_number: 1, order: "order-0000".into() }
    }

    fn entry(name: &str) -> Value {
        json!({ "name": name, "result": "x" })
    }

    fn broken(charges: &[&str], entries: &[&str], attempts: u64) -> Vec<String> {
        let placed = [Placed {
            order: "order-0000".into(),
            runs: vec!["r".into()],
            result: json!({ "charge_id": "ch_r+charge" }),
            took: std::time::Duration::ZERO,
            put_off: Vec::new(),
            unanswered: 0,
            resumed: 0,
        }];
        let entries = entries.iter().map(|name| entry(name)).collect();
        let run = json!({ "state": "completed", "attempts": attempts });
        let keys = charges.iter().map(|key| (*key).to_owned()).collect();
        let books = Books { calls: vec![call(1), call(2)], charges: BTreeMap::from([("order-0000".into(), keys)]) };
        let written = BTreeMap::from([("r".to_owned(), (run, entries))]);
        let evidence = Evidence { orders: 1, placed: &placed, written: &written, books: &books, interrupted: 1 };
        evidence.claims().into_iter().filter(|claim| !claim.holds).map(|claim| claim.claim).collect()
    }

    const STEPS: [&str; 3] = ["validate_order", "charge_customer", "send_confirmation"];

    #[test]
    fn what_is_as_it_should_be_holds() {
        assert_eq!(broken(&["r+charge"], &STEPS, 2), Vec::<String>::new());
    }

    #[test]
    fn a_second_charge_is_found() {
        let broken = broken(&["r+charge", "r+other"], &STEPS, 2);
        assert_eq!(broken.len(), 2, "{broken:?}");
        assert!(broken[0].starts_with("no customer was charged twice"));
    }

    #[test]
    fn a_lost_step_and_a_kill_that_hit_nothing_are_found() {
        assert_eq!(broken(&["r+charge"], &STEPS[..2], 2), ["each journal has each of the three steps once"]);
        assert_eq!(broken(&["r+charge"], &STEPS, 1), ["runs of the killed worker were taken over by others"]);
    }
}
