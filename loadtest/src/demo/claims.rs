//! What the demo claims, and whether it is so. Pure: what was seen goes in, lines come out.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::senders::Sent;
use crate::{
    ledger::Books,
    orders::ORDER_WORKFLOW,
    repository::Read,
    shop::{AWARD_POINTS, CLOSE_TILL, PAYMENT_WORKFLOW},
};

/// A claim, what was found, and whether both agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) claim: String,
    pub(super) found: String,
    pub(super) holds: bool,
}

/// What the database says, asked without Piton.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Witness {
    pub(super) workflows: Vec<Runs>,
    /// Runs that have not ended.
    pub(super) unfinished: u64,
    /// Workers whose lease ran out.
    pub(super) lost_workers: u64,
    /// Events that were accepted.
    pub(super) events: u64,
    /// Webhooks that were refused.
    pub(super) refused: u64,
    /// Firings of the schedule that started a run.
    pub(super) firings: u64,
    /// Seconds from the first of them to the last, both counted.
    pub(super) seconds: u64,
    /// Runs that they started, each counted once.
    pub(super) fired_runs: u64,
}

/// The runs of one workflow.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Runs {
    pub(super) workflow: String,
    pub(super) runs: u64,
    pub(super) completed: u64,
    /// Those that a second worker had to go on with.
    pub(super) taken_over: u64,
    pub(super) median_ms: f64,
    pub(super) longest_ms: f64,
}

/// Everything that was seen.
pub(super) struct Evidence<'a> {
    pub(super) payments: &'a [Sent],
    pub(super) orders: &'a [Sent],
    /// The status that the forged webhook was answered.
    pub(super) forged: u16,
    pub(super) books: &'a Books,
    pub(super) witness: &'a Witness,
    /// The files of the repository, as the batch read them and as the demo did itself.
    pub(super) read: Option<Read>,
    pub(super) there: Read,
    /// Calls to the provider that the killed worker had begun and not ended.
    pub(super) interrupted: usize,
}

impl Evidence<'_> {
    fn of(&self, workflow: &str) -> Runs {
        self.witness.workflows.iter().find(|runs| runs.workflow == workflow).cloned().unwrap_or_default()
    }

    /// How often money moved for this, as the provider's books say.
    fn charges(&self, what: &str) -> usize {
        self.books.charges.get(what).map_or(0, Vec::len)
    }

    pub(super) fn claims(&self) -> Vec<Claim> {
        let (payments, orders) = (self.payments.len() as u64, self.orders.len() as u64);
        let runs: u64 = self.witness.workflows.iter().map(|runs| runs.runs).sum();
        let completed: u64 = self.witness.workflows.iter().map(|runs| runs.completed).sum();
        let taken_over: u64 = self.witness.workflows.iter().map(|runs| runs.taken_over).sum();
        let twice = self.books.charged_twice().len();
        let customers: BTreeSet<&str> = self.payments.iter().chain(self.orders).map(|sent| &*sent.what).collect();
        let charged = customers.iter().filter(|what| self.charges(what) == 1).count();
        let points = self.orders.iter().filter(|sent| self.charges(&format!("points-{}", sent.what)) == 1).count();
        let again: usize = self.payments.iter().chain(self.orders).map(|sent| sent.again).sum();
        let repeated = self.payments.iter().chain(self.orders).filter(|sent| sent.accepted > 1).count();
        let witness = self.witness;
        vec![
            Claim {
                claim: "every webhook starts one run, however often it is sent".into(),
                found: format!("{payments} payments, {} runs", self.of(PAYMENT_WORKFLOW).runs),
                holds: one_each(self.payments, 1) && self.of(PAYMENT_WORKFLOW).runs == payments,
            },
            Claim {
                claim: "every event starts each workflow that waits for it once".into(),
                found: format!(
                    "{orders} orders, {} + {} runs",
                    self.of(ORDER_WORKFLOW).runs,
                    self.of(AWARD_POINTS).runs
                ),
                holds: one_each(self.orders, 2)
                    && self.of(ORDER_WORKFLOW).runs == orders
                    && self.of(AWARD_POINTS).runs == orders
                    && witness.events == payments + orders,
            },
            Claim {
                claim: "who sends again, since nobody answered, is not served twice".into(),
                found: format!("{again} were sent again, {repeated} came twice on purpose"),
                holds: repeated > 0,
            },
            Claim {
                claim: "a webhook that somebody else signed starts nothing".into(),
                found: format!("answered {}, {} on record", self.forged, witness.refused),
                holds: self.forged == 401 && witness.refused == 1 && self.charges("pi_forged") == 0,
            },
            Claim {
                claim: "every second of the schedule has its run, also those while no scheduler ran".into(),
                found: format!("{} seconds, {} runs", witness.seconds, witness.fired_runs),
                holds: witness.firings > 0
                    && witness.firings == witness.seconds
                    && witness.fired_runs == witness.firings
                    && self.of(CLOSE_TILL).runs == witness.firings,
            },
            Claim {
                claim: "the batch read every file of this repository".into(),
                found: self.read.map_or("nothing".into(), |read| format!("{} files, {} lines", read.files, read.lines)),
                holds: self.read == Some(self.there) && self.there.files > 0,
            },
            Claim {
                claim: "every run that began has completed".into(),
                found: format!("{completed} of {runs}"),
                holds: runs > 0 && completed == runs && witness.unfinished == 0,
            },
            Claim {
                claim: "what the killed worker had in hand went on elsewhere".into(),
                found: format!("{taken_over} runs, {} of them in the middle of a charge", self.interrupted),
                holds: taken_over > 0 && self.interrupted > 0 && witness.lost_workers == 1,
            },
            Claim {
                claim: "nobody was charged twice, nobody was forgotten".into(),
                found: format!("{charged} charges for {} customers, {twice} twice", customers.len()),
                holds: twice == 0 && charged == customers.len() && points == self.orders.len(),
            },
        ]
    }
}

/// Whether no answer named more than so many things that came of one message, however often it was sent. It may name fewer: what a
/// killed scheduler had accepted and not yet matched is owed, and the answer says so.
fn one_each(sent: &[Sent], things: usize) -> bool {
    !sent.is_empty() && sent.iter().all(|sent| sent.named.len() <= things)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Seen {
        payments: Vec<Sent>,
        orders: Vec<Sent>,
        books: Books,
        witness: Witness,
        forged: u16,
    }

    fn sent(what: &str, named: &[&str]) -> Sent {
        Sent { what: what.into(), named: named.iter().map(|name| (*name).to_owned()).collect(), accepted: 2, again: 1 }
    }

    fn runs(workflow: &str) -> Runs {
        Runs { workflow: workflow.into(), runs: 1, completed: 1, taken_over: 1, ..Runs::default() }
    }

    fn good() -> Seen {
        let charges = ["pi_0000", "order-0000", "points-order-0000"];
        let charges = charges.iter().map(|what| ((*what).to_owned(), vec![format!("key of {what}")]));
        Seen {
            payments: vec![sent("pi_0000", &["a"])],
            orders: vec![sent("order-0000", &["b", "c"])],
            books: Books { charges: charges.collect::<BTreeMap<_, _>>(), ..Books::default() },
            witness: Witness {
                workflows: [PAYMENT_WORKFLOW, ORDER_WORKFLOW, AWARD_POINTS, CLOSE_TILL].map(runs).to_vec(),
                unfinished: 0,
                lost_workers: 1,
                events: 2,
                refused: 1,
                firings: 1,
                seconds: 1,
                fired_runs: 1,
            },
            forged: 401,
        }
    }

    /// The claims that do not hold, by their number.
    fn broken(change: impl FnOnce(&mut Seen)) -> Vec<usize> {
        let mut seen = good();
        change(&mut seen);
        let there = Read { files: 3, lines: 9, bytes: 27 };
        let evidence = Evidence {
            payments: &seen.payments,
            orders: &seen.orders,
            forged: seen.forged,
            books: &seen.books,
            witness: &seen.witness,
            read: Some(there),
            there,
            interrupted: 1,
        };
        evidence.claims().iter().enumerate().filter(|(_, claim)| !claim.holds).map(|(number, _)| number).collect()
    }

    #[test]
    fn what_is_as_it_should_be_holds() {
        assert_eq!(broken(|_| {}), Vec::<usize>::new());
    }

    #[test]
    fn each_lie_is_found() {
        assert_eq!(broken(|seen| seen.payments[0].named.extend(["second".to_owned()])), [0]);
        assert_eq!(broken(|seen| seen.witness.workflows[0].runs = 2), [0, 6]);
        assert_eq!(broken(|seen| seen.orders[0].named.extend(["third".to_owned()])), [1]);
        assert_eq!(broken(|seen| seen.witness.events = 3), [1]);
        assert_eq!(broken(|seen| seen.forged = 202), [3]);
        assert_eq!(broken(|seen| seen.witness.seconds = 2), [4]);
        assert_eq!(broken(|seen| seen.witness.fired_runs = 2), [4]);
        assert_eq!(broken(|seen| seen.witness.unfinished = 1), [6]);
        assert_eq!(broken(|seen| seen.witness.lost_workers = 0), [7]);
        let second = |seen: &mut Seen| seen.books.charges.entry("pi_0000".into()).or_default().push("other".into());
        assert_eq!(broken(second), [8]);
        assert_eq!(broken(|seen| drop(seen.books.charges.remove("points-order-0000"))), [8]);
    }
}
