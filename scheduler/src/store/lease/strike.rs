//! What the end of a worker's lease means for the runs that it held: decided from what is known of them.
//!
//! Nobody knows which of them it was, if it was one of them. So those whose workers' leases ended again and again are
//! separated by bisection: each time, at most half as many of them may be in one worker's process as were there this time.
//! One that may have no other of them beside it runs alone, and only a run that was alone is parked.

use piton_shared::message::claim::Company;
use uuid::Uuid;

/// A run that a worker held when its lease ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspect {
    pub(super) run: Uuid,
    /// Ends of leases in a row before this one.
    pub(super) strikes: u32,
    /// How many suspects could be with it, itself included, if that was bounded.
    pub(super) company: Option<u32>,
    pub(super) isolation: Isolation,
}

/// Whether a run had its worker to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// It did, and had begun.
    Exclusive,
    /// It was beside others, or had not begun.
    None,
}

/// What becomes of a run that may have begun there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) run: Uuid,
    pub(super) strikes: u32,
    /// How many suspects may be with it next, itself included.
    pub(super) company: u32,
    pub(super) next: Next,
}

/// Where a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// To another worker.
    Requeue,
    /// To a person.
    Park,
}

/// Decides about the runs of one worker. One that is missing in the answer had not begun: it goes on as before.
pub(super) fn verdicts(held: &[Suspect], park_at: u32) -> Vec<Verdict> {
    if let Some(alone) = held.iter().find(|suspect| suspect.isolation == Isolation::Exclusive) {
        let strikes = alone.strikes + 1;
        let next = if strikes >= park_at { Next::Park } else { Next::Requeue };
        return vec![Verdict { run: alone.run, strikes, company: 1, next }];
    }
    // A run that is to be alone, and was not, waited for that.
    let begun = |suspect: &&Suspect| Company::after(suspect.strikes, suspect.company) != Company::Alone;
    let struck: Vec<_> = held.iter().filter(begun).collect();
    let again = |suspect: &Suspect| Company::after(suspect.strikes + 1, None) != Company::Shared;
    let together = u32::try_from(struck.iter().filter(|suspect| again(suspect)).count()).unwrap_or(u32::MAX);
    let verdict = |suspect: &Suspect| {
        let bound = match Company::after(suspect.strikes, suspect.company) {
            Company::Few(most) => together.min(most),
            Company::Shared | Company::Alone => together,
        };
        Verdict { run: suspect.run, strikes: suspect.strikes + 1, company: (bound / 2).max(1), next: Next::Requeue }
    };
    struck.into_iter().map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use piton_shared::limits::STRIKES;

    use super::*;

    fn run(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    fn held(runs: &[(u32, Option<u32>)]) -> Vec<Suspect> {
        let suspect = |(number, (strikes, company)): (usize, &(u32, Option<u32>))| Suspect {
            run: run(number),
            strikes: *strikes,
            company: *company,
            isolation: Isolation::None,
        };
        runs.iter().enumerate().map(suspect).collect()
    }

    #[test]
    fn suspects_have_half_the_company_each_time() {
        type Row<'a> = (&'a [(u32, Option<u32>)], &'a [(usize, u32, u32)]);
        let table: [Row<'_>; 7] = [
            (&[], &[]),
            // Once means nothing.
            (&[(0, None), (0, None)], &[(0, 1, 1), (1, 1, 1)]),
            // Four were there twice, beside one that was there for the first time.
            (
                &[(1, None), (1, None), (1, None), (1, None), (0, None)],
                &[(0, 2, 2), (1, 2, 2), (2, 2, 2), (3, 2, 2), (4, 1, 2)],
            ),
            (&[(2, Some(2)), (2, Some(2)), (0, None)], &[(0, 3, 1), (1, 3, 1), (2, 1, 1)]),
            // Fewer were there than could be.
            (&[(2, Some(20)), (3, Some(20)), (4, Some(4)), (1, None)], &[(0, 3, 2), (1, 4, 2), (2, 5, 2), (3, 2, 2)]),
            // What an older bound says of a run that went on since is past.
            (&[(1, Some(1)), (1, Some(1)), (1, None), (1, None)], &[(0, 2, 2), (1, 2, 2), (2, 2, 2), (3, 2, 2)]),
            // Those that are to be alone had not begun.
            (&[(3, Some(1)), (2, None), (1, None)], &[(2, 2, 1)]),
        ];
        for (before, after) in table {
            let verdicts: Vec<_> = verdicts(&held(before), STRIKES)
                .into_iter()
                .map(|verdict| {
                    assert_eq!(verdict.next, Next::Requeue, "{before:?}");
                    (verdict.run, verdict.strikes, verdict.company)
                })
                .collect();
            let expected: Vec<_> =
                after.iter().map(|(number, strikes, most)| (run(*number), *strikes, *most)).collect();
            assert_eq!(verdicts, expected, "{before:?}");
        }
    }

    #[test]
    fn only_a_run_that_was_alone_is_parked_and_nothing_else_is_struck_then() {
        for (strikes, next) in [(0, Next::Requeue), (1, Next::Requeue), (2, Next::Park), (7, Next::Park)] {
            let mut runs = held(&[(1, None), (strikes, Some(1)), (2, Some(1))]);
            runs[1].isolation = Isolation::Exclusive;
            let expected = Verdict { run: run(1), strikes: strikes + 1, company: 1, next };
            assert_eq!(verdicts(&runs, STRIKES), [expected]);
        }
    }

    #[test]
    fn one_poison_among_hundreds_is_alone_after_few_ends_and_the_others_are_freed() {
        // The poison and those beside it, as many as each is allowed.
        let (mut poison, mut ends) = (held(&[(0, None)]).remove(0), 0);
        while Company::after(poison.strikes, poison.company) != Company::Alone {
            let beside = match Company::after(poison.strikes, poison.company) {
                Company::Few(most) => most as usize,
                Company::Shared | Company::Alone => 1000,
            };
            let mut together = vec![poison.clone(); beside];
            together.iter_mut().enumerate().for_each(|(number, suspect)| suspect.run = run(number));
            let verdict = verdicts(&together, STRIKES).remove(0);
            (poison.strikes, poison.company) = (verdict.strikes, Some(verdict.company));
            ends += 1;
        }
        assert_eq!(ends, 10);
    }
}
