//! Granting published runs: to a worker that claims them, or to one that has room.

use std::{collections::HashMap, time::Instant};

use piton_shared::{
    ids::{RunId, WorkerId},
    journal::Entry,
    limits,
    message::{
        claim::{ClaimAsk, Company, Grant, OpenCall},
        read::More,
    },
};
use piton_telemetry::metrics::{ClaimOutcome, Group, SchedulerMetrics};

use crate::store::{Granted, Store, StoreError};

/// Bytes of a grant beside its input, its journal and its open calls, generously.
const GRANT_BYTES: usize = 640;
/// Rows of the journal that travel with a grant.
const GRANT_ROWS: u32 = 64;
/// Open calls that travel with a grant.
const GRANT_OPEN: u32 = 64;

/// Commits claims and reads what a grant carries. Cheap to clone.
#[derive(Clone)]
pub struct Granter {
    /// Where runs lie.
    pub store: Store,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

/// What was granted. Each takes a place of the worker's room; one that runs alone takes all of it.
#[derive(Debug)]
pub struct Grants {
    /// The newest control that the granting statement saw.
    pub control_version: i64,
    /// The runs, in one message's size.
    pub grants: Vec<Grant>,
}

impl Granter {
    /// Grants what can be granted of `asks` to a worker that lives.
    pub async fn grant(&self, worker: WorkerId, mut asks: Vec<ClaimAsk>) -> Result<Grants, StoreError> {
        asks.sort_unstable_by_key(|ask| ask.run);
        asks.dedup_by_key(|ask| ask.run);
        let began = Instant::now();
        let granted = self.store.claim(worker, &asks).await?;
        self.metrics.commits.at(Group::Claim).inc();
        self.metrics.commit_rows.at(Group::Claim).add(granted.len() as u64);
        self.metrics.commit_time.at(Group::Claim).seconds(began.elapsed());
        self.metrics.claims.at(ClaimOutcome::Granted).add(granted.len() as u64);
        self.metrics.claims.at(ClaimOutcome::Stale).add(asks.len().saturating_sub(granted.len()) as u64);
        let control_version = granted.iter().map(|grant| grant.control_version).max().unwrap_or(0);
        let resumed: Vec<_> = granted.iter().filter(|grant| has_journal(grant)).map(|grant| grant.run).collect();
        let mut open: HashMap<RunId, Vec<OpenCall>> = HashMap::new();
        if !resumed.is_empty() {
            for row in self.store.open_calls(&resumed, None, GRANT_OPEN).await? {
                open.entry(row.run).or_default().push(row.call);
            }
        }
        // What every grant takes is set aside before any input has a place.
        let mut room = (limits::MESSAGE_BYTES - 4096).saturating_sub(granted.len() * GRANT_BYTES);
        let mut grants = Vec::with_capacity(granted.len());
        for mut found in granted {
            found.company = understood(worker, found.company);
            let open = open.remove(&found.run).unwrap_or_default();
            grants.push(self.with_journal(found, open, &mut room).await?);
        }
        Ok(Grants { control_version, grants })
    }

    async fn with_journal(&self, found: Granted, open: Vec<OpenCall>, room: &mut usize) -> Result<Grant, StoreError> {
        let resumed = has_journal(&found);
        let open_bytes: usize = open.iter().map(open_bytes).sum();
        let mut more_open = if open.len() as u64 >= u64::from(GRANT_OPEN) { More::Follows } else { More::End };
        let open = if open_bytes < *room {
            *room -= open_bytes;
            open
        } else {
            // They have to be read apart, from their beginning.
            more_open = More::Follows;
            Vec::new()
        };
        let input = if found.input.len() < *room {
            *room -= found.input.len();
            Some(found.input)
        } else {
            None
        };
        let (mut entries, mut journal) = (Vec::new(), More::End);
        if resumed {
            (entries, journal) = self.store.journal_page(found.run, None, GRANT_ROWS).await?;
            let size: usize = entries.iter().map(entry_bytes).sum();
            if size < *room {
                *room -= size;
            } else {
                // It has to be read apart, from its beginning.
                (entries, journal) = (Vec::new(), More::Follows);
            }
        }
        Ok(Grant {
            run: found.run,
            epoch: found.epoch,
            attempt: found.attempt,
            company: found.company,
            workflow: found.workflow,
            seed: found.seed,
            created_at: found.created_at,
            input,
            outside: found.outside,
            entries,
            journal,
            open,
            more_open,
            trace: found.trace,
        })
    }
}

/// What a worker understands of who may be beside a run. One of the release before does not know `Few`.
fn understood(worker: WorkerId, company: Company) -> Company {
    match company {
        Company::Few(_) if !worker.names_its_org() => Company::Alone,
        Company::Few(_) | Company::Shared | Company::Alone => company,
    }
}

/// Whether there may be rows before this attempt: of others, or from outside where a first one is granted again.
fn has_journal(granted: &Granted) -> bool {
    granted.attempts > 1 || granted.outside > 0
}

/// Bytes of an open call in a message, generously.
pub(super) fn open_bytes(call: &OpenCall) -> usize {
    192 + call.key.as_str().len()
}

/// Bytes of an entry in a message, generously.
pub(crate) fn entry_bytes(entry: &Entry) -> usize {
    let outcome = match &entry.outcome {
        Ok(result) => result.len(),
        Err(failure) => failure.message.len() + failure.chain.iter().map(String::len).sum::<usize>(),
    };
    256 + entry.key.as_str().len() + entry.name.len() + entry.input.len() + outcome
}

#[cfg(test)]
mod tests {
    use piton_shared::ids::uuid_v7;

    use super::*;

    #[test]
    fn a_worker_of_the_release_before_is_told_of_no_company_that_it_does_not_know() {
        let (now, before) = (WorkerId::fresh(1, [0; 10]), WorkerId::new(uuid_v7(1, [0; 10])));
        for (company, told) in
            [(Company::Few(2), Company::Alone), (Company::Alone, Company::Alone), (Company::Shared, Company::Shared)]
        {
            assert_eq!((understood(now, company), understood(before, company)), (company, told));
        }
    }
}
