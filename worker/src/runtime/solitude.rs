//! Whether this worker is open to runs, or kept for one that runs alone, and how many suspects it takes: decided here, kept
//! under the lock of [`holdings`](super::holdings).

use std::collections::HashMap;

use piton_shared::{ids::RunId, message::claim::Company};

/// For whom this worker is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Solitude {
    /// For nobody: it takes what comes.
    #[default]
    Open,
    /// For this run, which waits until nothing else is here, or is alone already.
    KeptFor(RunId),
}

/// Whether a run that was granted may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may, beside others.
    Shared,
    /// It may, and the others go.
    Alone,
    /// It goes back: the worker is kept for another.
    Refused,
}

impl Solitude {
    /// Decides about a run that was granted.
    pub(super) fn admit(&mut self, run: RunId, company: Company) -> Admission {
        match (*self, company) {
            (Self::KeptFor(kept), Company::Shared | Company::Few(_) | Company::Alone) if kept != run => {
                Admission::Refused
            }
            (Self::Open | Self::KeptFor(_), Company::Alone) => {
                *self = Self::KeptFor(run);
                Admission::Alone
            }
            // The hold that was to be alone is lost, and so is the reason for it.
            (Self::Open | Self::KeptFor(_), Company::Shared | Company::Few(_)) => {
                *self = Self::Open;
                Admission::Shared
            }
        }
    }

    /// A run is not here any more, or need not be alone.
    pub(super) fn left(&mut self, run: RunId) {
        if *self == Self::KeptFor(run) {
            *self = Self::Open;
        }
    }
}

/// Runs here that may be together with few of their kind only, with how many each. Others are not counted.
#[derive(Debug, Default)]
pub(super) struct Suspects(HashMap<RunId, u32>);

impl Suspects {
    /// Counts a run that may be together with `most` of its kind, itself included; says no if that is too many for it, or for
    /// one that is here.
    pub(super) fn admit(&mut self, run: RunId, most: u32) -> Counted {
        let others = self.0.iter().filter(|(other, _)| **other != run).map(|(_, most)| *most);
        let bound = others.clone().fold(most, u32::min);
        if others.count() >= bound as usize {
            return Counted::TooMany;
        }
        self.0.insert(run, most);
        Counted::Yes
    }

    /// A run is not here any more, or came further than before.
    pub(super) fn left(&mut self, run: RunId) {
        self.0.remove(&run);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Whether a suspect has a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Yes,
    TooMany,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Admission::*, *};

    #[test]
    fn one_run_at_a_time_is_alone_and_nobody_comes_in_beside_it() {
        let [one, two] = [1, 2].map(|number| RunId::new(Uuid::from_u128(number)));
        let (open, kept) = (Solitude::Open, Solitude::KeptFor(one));
        for (before, run, company, admission, after) in [
            (open, one, Company::Shared, Shared, open),
            (open, one, Company::Alone, Alone, kept),
            (kept, two, Company::Shared, Refused, kept),
            (kept, two, Company::Alone, Refused, kept),
            // Granted anew under a later publish.
            (kept, one, Company::Alone, Alone, kept),
            (kept, one, Company::Shared, Shared, open),
        ] {
            let mut solitude = before;
            assert_eq!(solitude.admit(run, company), admission, "{before:?}, {run} {company:?}");
            assert_eq!(solitude, after);
        }
        for (before, run, after) in [(open, one, open), (kept, two, kept), (kept, one, open)] {
            let mut solitude = before;
            solitude.left(run);
            assert_eq!(solitude, after);
        }
    }
    #[test]
    fn no_more_suspects_are_together_than_each_of_them_may_be_with() {
        use Counted::{TooMany, Yes};
        let runs = [1, 2, 3, 4].map(|number| RunId::new(Uuid::from_u128(number)));
        let mut suspects = Suspects::default();
        for (run, most, counted) in
            [(0, 3, Yes), (1, 2, Yes), (1, 2, Yes), (2, 3, TooMany), (2, 9, TooMany), (3, 1, TooMany)]
        {
            assert_eq!(suspects.admit(runs[run], most), counted, "{run}, {most}");
        }
        suspects.left(runs[1]);
        assert_eq!([2, 3].map(|run| suspects.admit(runs[run], 3)), [Yes, Yes]);
        assert_eq!(suspects.admit(runs[1], 3), TooMany);
        suspects.clear();
        assert_eq!(suspects.admit(runs[1], 1), Yes);
    }
}
