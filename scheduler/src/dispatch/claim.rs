//! Claims: every attempt on a published run begins with one.

use std::collections::HashMap;

use piton_shared::{
    limits,
    message::{
        Answer, Refusal,
        claim::{Alone, Claim, ClaimAnswer, Claimed, Company, HandBack, HandBackReason, HandedBack, Solitude},
        read::{More, Part, Read, ReadAnswer},
    },
};

use super::{
    Backlog, Granter, Publisher,
    granter::{entry_bytes, open_bytes},
};
use crate::{
    failpoint::failpoint,
    lease::Roster,
    store::{BatchId, Store, StoreError},
};

/// Bytes of results after which a page of them ends: the last of them fits into the message all the same.
const RESULT_BYTES: usize = limits::MESSAGE_BYTES - limits::PAYLOAD_BYTES - 64 * 1024;
/// How long a run waits in the backlog whose worker holds as many as may be beside it. Each round costs a claim.
const CROWDED_FOR: std::time::Duration = std::time::Duration::from_secs(1);
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
    /// Who grants.
    pub granter: Granter,
}

impl Claims {
    /// Grants what can be granted.
    pub async fn claim(&self, claim: Claim) -> Answer<Claimed> {
        if claim.asks.len() > limits::CLAIM_RUNS {
            return Answer::Refused(Refusal::Invalid(format!("a claim asks for at most {} runs", limits::CLAIM_RUNS)));
        }
        match self.granted(&claim).await {
            Ok(claimed) => {
                failpoint!("claim-committed", Answer::Unavailable { reason: "the answer was lost".to_owned() });
                Answer::Done(claimed)
            }
            Err(error) => error.answer(),
        }
    }

    async fn granted(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let granted = self.granter.grant(claim.worker, claim.asks.clone()).await?;
        self.roster.took(claim.worker, u32::try_from(granted.grants.len()).unwrap_or(u32::MAX));
        if granted.grants.iter().any(|grant| grant.company == Company::Alone) {
            self.roster.keep(claim.worker);
        }
        if !granted.grants.is_empty() {
            self.backlog.claimed();
        }
        let mut grants: HashMap<_, _> =
            granted.grants.into_iter().map(|grant| ((grant.run, grant.attempt), grant)).collect();
        let answers = claim
            .asks
            .iter()
            .map(|ask| match grants.remove(&(ask.run, ask.attempt)) {
                Some(grant) => ClaimAnswer::Granted(Box::new(grant)),
                None => ClaimAnswer::Stale,
            })
            .collect();
        Ok(Claimed { control_version: granted.control_version, answers })
    }

    /// A part of a run for its holder.
    pub async fn read(&self, read: Read) -> Answer<ReadAnswer> {
        match self.part(&read).await {
            Ok(answer) => Answer::Done(answer),
            Err(error) => error.answer(),
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
        if let Part::State { scope, name } = &read.part {
            return Ok(ReadAnswer::State(self.store.state(read.run, *scope, name).await?));
        }
        if let Part::BatchResults { key, after } = &read.part {
            let batch = BatchId { run: read.run, key: key.clone() };
            let rows = limits::BATCH_RESULTS_PAGE;
            let (results, more) = self.store.batch_results(&batch, *after, rows, RESULT_BYTES).await?;
            return Ok(ReadAnswer::Results { results, more });
        }
        let rows = limits::JOURNAL_PAGE;
        if let Part::Open { after } = &read.part {
            let found = self.store.open_calls(&[read.run], after.as_ref(), rows).await?;
            let more = if found.len() as u64 >= u64::from(rows) { More::Follows } else { More::End };
            let open = found.into_iter().map(|row| row.call).collect();
            let (open, more) = fitting(open, more, open_bytes);
            return Ok(ReadAnswer::Open { open, more });
        }
        let (entries, more) = match &read.part {
            Part::Journal { after } => self.store.journal_page(read.run, after.as_ref(), rows).await?,
            Part::Outside { after } => {
                let entries = self.store.journal_outside(read.run, *after, rows).await?;
                let more = if entries.len() as u64 >= u64::from(rows) { More::Follows } else { More::End };
                (entries, more)
            }
            // Read above.
            Part::Input | Part::Open { .. } | Part::State { .. } | Part::BatchResults { .. } => (Vec::new(), More::End),
        };
        let (entries, more) = fitting(entries, more, entry_bytes);
        Ok(ReadAnswer::Entries { entries, more })
    }

    /// A run that was granted alone begins, or is alone no more.
    pub async fn note_solitude(&self, alone: Alone) -> Answer<Solitude> {
        match self.store.note_solitude(&alone).await {
            Ok(solitude) => Answer::Done(solitude),
            // Also while the run that was alone there before is still on its way back.
            Err(error) => error.answer(),
        }
    }

    /// Runs come back without a strike.
    pub async fn hand_back(&self, back: HandBack) -> Answer<HandedBack> {
        if back.runs.len() > limits::CLAIM_RUNS {
            return Answer::Refused(Refusal::Invalid(format!(
                "at most {} runs are handed back at once",
                limits::CLAIM_RUNS
            )));
        }
        let after = match back.reason {
            HandBackReason::Released => None,
            HandBackReason::Lacking => Some(LACKING_FOR),
            HandBackReason::Crowded => Some(CROWDED_FOR),
        };
        match self.store.hand_back(back.worker, &back.runs, after).await {
            Ok(requeued) => {
                let count = u32::try_from(requeued.len()).unwrap_or(u32::MAX);
                self.publisher.publish(requeued);
                Answer::Done(HandedBack { requeued: count })
            }
            Err(error) => error.answer(),
        }
    }
}

/// As much as one message holds; at least one, so that reading goes on.
fn fitting<T>(mut found: Vec<T>, more: More, bytes_of: impl Fn(&T) -> usize) -> (Vec<T>, More) {
    let mut bytes = 0;
    let fits = found.iter().take_while(|one| {
        bytes += bytes_of(one);
        bytes < limits::MESSAGE_BYTES - 4096
    });
    let fits = fits.count().max(1);
    if fits < found.len() {
        found.truncate(fits);
        return (found, More::Follows);
    }
    (found, more)
}
