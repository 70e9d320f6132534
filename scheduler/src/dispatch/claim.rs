//! Claims: every attempt on a published run begins with one.

use std::collections::HashMap;

use piton_shared::{
    ids::RunId,
    limits,
    message::{
        Answer, Refusal,
        claim::{Claim, ClaimAnswer, Claimed, Grant, HandBack, HandBackReason, HandedBack, OpenCall},
        read::{More, Part, Read, ReadAnswer},
    },
};

use super::{Backlog, Publisher};
use crate::{
    lease::Roster,
    store::{Granted, Store, StoreError},
};

/// Runs of one claim at most.
const CLAIM_RUNS: usize = 1024;
/// Rows of the journal that travel with a grant.
const GRANT_ROWS: u32 = 64;
/// How long a run that its worker lacks waits for another.
const LACKING_FOR: std::time::Duration = std::time::Duration::from_secs(1);

/// Answers claims, reads and runs handed back.
#[derive(Clone)]
pub struct Claims {
    /// Where from.
    pub store: Store,
    /// Who keeps the workers' room.
    pub roster: Roster,
    /// Who publishes what is handed back.
    pub publisher: Publisher,
    /// Who feeds the queue again.
    pub backlog: Backlog,
}

impl Claims {
    /// Grants what can be granted.
    pub async fn claim(&self, claim: Claim) -> Answer<Claimed> {
        if claim.asks.len() > CLAIM_RUNS {
            return Answer::Refused(Refusal::Invalid(format!("a claim asks for at most {CLAIM_RUNS} runs")));
        }
        match self.granted(&claim).await {
            Ok(claimed) => Answer::Done(claimed),
            Err(error) => Answer::Unavailable { reason: error.to_string() },
        }
    }

    async fn granted(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let mut asks = claim.asks.clone();
        asks.sort_unstable_by_key(|ask| ask.run);
        asks.dedup_by_key(|ask| ask.run);
        let granted = self.store.claim(claim.worker, &asks).await?;
        self.roster.took(claim.worker, u32::try_from(granted.len()).unwrap_or(u32::MAX));
        if !granted.is_empty() {
            self.backlog.claimed();
        }
        let control_version = granted.iter().map(|grant| grant.control_version).max().unwrap_or(0);
        let resumed: Vec<_> = granted.iter().filter(|grant| grant.attempts > 1).map(|grant| grant.run).collect();
        let mut open: HashMap<RunId, Vec<OpenCall>> = HashMap::new();
        if !resumed.is_empty() {
            for row in self.store.open_calls(&resumed).await? {
                open.entry(row.run).or_default().push(row.call);
            }
        }
        let mut room = limits::MESSAGE_BYTES - 64 * 1024;
        let mut grants = HashMap::new();
        for found in granted {
            let (run, attempt) = (found.run, found.attempt);
            let grant = self.grant(found, open.remove(&run).unwrap_or_default(), &mut room).await?;
            grants.insert((run, attempt), grant);
        }
        let answers = claim
            .asks
            .iter()
            .map(|ask| match grants.remove(&(ask.run, ask.attempt)) {
                Some(grant) => ClaimAnswer::Granted(Box::new(grant)),
                None => ClaimAnswer::Stale,
            })
            .collect();
        Ok(Claimed { control_version, answers })
    }

    async fn grant(&self, found: Granted, open: Vec<OpenCall>, room: &mut usize) -> Result<Grant, StoreError> {
        let input = if found.input.len() < *room {
            *room -= found.input.len();
            Some(found.input)
        } else {
            None
        };
        let (mut entries, mut journal) = (Vec::new(), More::End);
        if found.attempts > 1 {
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
            workflow: found.workflow,
            seed: found.seed,
            created_at: found.created_at,
            input,
            outside: found.outside,
            entries,
            journal,
            open,
            trace: found.trace,
        })
    }

    /// A part of a run for its holder.
    pub async fn read(&self, read: Read) -> Answer<ReadAnswer> {
        match self.part(&read).await {
            Ok(answer) => Answer::Done(answer),
            Err(error) => Answer::Unavailable { reason: error.to_string() },
        }
    }

    async fn part(&self, read: &Read) -> Result<ReadAnswer, StoreError> {
        if let Part::Input = read.part {
            let input = self.store.held_input(read.run, read.attempt, read.worker).await?;
            return Ok(input.map_or(ReadAnswer::Fenced, ReadAnswer::Input));
        }
        if !self.store.holds(read.run, read.attempt, read.worker).await? {
            return Ok(ReadAnswer::Fenced);
        }
        let rows = limits::JOURNAL_PAGE;
        let (entries, more) = match &read.part {
            Part::Journal { after } => self.store.journal_page(read.run, after.as_ref(), rows).await?,
            Part::Outside { after } => {
                let entries = self.store.journal_outside(read.run, *after, rows).await?;
                let more = if entries.len() as u64 >= u64::from(rows) { More::Follows } else { More::End };
                (entries, more)
            }
            Part::Input => (Vec::new(), More::End),
        };
        Ok(fitting(entries, more))
    }

    /// Runs come back without a strike.
    pub async fn hand_back(&self, back: HandBack) -> Answer<HandedBack> {
        if back.runs.len() > CLAIM_RUNS {
            return Answer::Refused(Refusal::Invalid(format!("at most {CLAIM_RUNS} runs are handed back at once")));
        }
        let after = match back.reason {
            HandBackReason::Released => None,
            HandBackReason::Lacking => Some(LACKING_FOR),
        };
        match self.store.hand_back(back.worker, &back.runs, after).await {
            Ok(requeued) => {
                let count = u32::try_from(requeued.len()).unwrap_or(u32::MAX);
                self.publisher.publish(requeued);
                Answer::Done(HandedBack { requeued: count })
            }
            Err(error) => Answer::Unavailable { reason: error.to_string() },
        }
    }
}

fn entry_bytes(entry: &piton_shared::journal::Entry) -> usize {
    let outcome = match &entry.outcome {
        Ok(result) => result.len(),
        Err(failure) => failure.message.len() + failure.chain.iter().map(String::len).sum::<usize>(),
    };
    256 + entry.key.as_str().len() + entry.name.len() + entry.input.len() + outcome
}

/// As many entries as one message holds; at least one, so that reading goes on.
fn fitting(mut entries: Vec<piton_shared::journal::Entry>, more: More) -> ReadAnswer {
    let mut bytes = 0;
    let fits = entries.iter().take_while(|entry| {
        bytes += entry_bytes(entry);
        bytes < limits::MESSAGE_BYTES - 4096
    });
    let fits = fits.count().max(1);
    if fits < entries.len() {
        entries.truncate(fits);
        return ReadAnswer::Entries { entries, more: More::Follows };
    }
    ReadAnswer::Entries { entries, more }
}
