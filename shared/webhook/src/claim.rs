//! What a delivery claims of itself, and whether that is so.

use std::time::Duration;

use piton_shared::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::{
    Refusal,
    mac::{self, Algorithm},
};

/// Signatures of one delivery that are looked at: more than any provider sends while it changes secrets.
pub(crate) const SIGNATURES: usize = 16;

/// What a delivery claims of itself, before any of it is believed.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) algorithm: Algorithm,
    /// What was signed, in parts.
    pub(crate) signed: Vec<&'a [u8]>,
    /// Its signatures, decoded.
    pub(crate) signatures: Vec<Vec<u8>>,
    /// When it was signed, in seconds since 1970, if the signature covers that.
    pub(crate) signed_at: Option<i64>,
}

/// A delivery that was signed with a secret, in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which of the secrets has signed it, by its place among those that were given.
    pub secret: usize,
    /// When it was signed, if the signature covers that.
    pub signed_at: Option<Timestamp>,
    /// The latest time that is not yet the future: now, and as much as clocks may differ.
    pub latest: Timestamp,
    /// SHA-256 of what was signed: the same for the same signature, however it is written and with whichever secret it
    /// was made.
    pub fingerprint: [u8; 32],
}

impl Claim<'_> {
    /// Looks whether one of the signatures was made with one of the keys, each with the place of its secret; then at the
    /// time.
    pub(crate) fn settle(
        &self,
        keys: &[(usize, Vec<u8>)],
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Verified, Refusal> {
        let matching =
            keys.iter().find(|(_, key)| mac::any_matches(self.algorithm, key, &self.signed, &self.signatures));
        let Some((secret, _)) = matching else {
            return Err(Refusal::NoSecretMatches);
        };
        // Signed to the second: what is no more than that second over is not over.
        let most = tolerance.saturating_add(Duration::from_secs(1));
        let signed_at = self.signed_at.map(|at| Timestamp::from_micros(at.saturating_mul(1_000_000)));
        if let Some(at) = signed_at {
            check_time(at, now, most)?;
        }
        let mut hash = Sha256::new();
        self.signed.iter().for_each(|part| hash.update(part));
        Ok(Verified { secret: *secret, signed_at, latest: now.plus(most), fingerprint: hash.finalize().into() })
    }
}

fn check_time(at: Timestamp, now: Timestamp, most: Duration) -> Result<(), Refusal> {
    let (late, early) = (now.since(at), at.since(now));
    if late > most {
        return Err(Refusal::Stale { by: late });
    }
    if early > most {
        return Err(Refusal::FromTheFuture { by: early });
    }
    Ok(())
}
