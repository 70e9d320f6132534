//! Randomness that replays: derived from the run's seed, the scope and how many were drawn there before.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What is drawn. Different purposes never share bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Random,
    Uuid,
}

/// 32 bytes that nobody could guess without the seed.
pub(super) fn bytes(seed: Uuid, purpose: Purpose, scope: &str, number: u64) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.as_bytes());
    hash.update([match purpose {
        Purpose::Random => 1,
        Purpose::Uuid => 2,
    }]);
    hash.update(number.to_be_bytes());
    // The only part of varying length comes last.
    hash.update(scope.as_bytes());
    hash.finalize().into()
}

/// The first 8 bytes as a number.
pub(super) fn number(bytes: [u8; 32]) -> u64 {
    bytes.first_chunk().map_or(0, |head| u64::from_be_bytes(*head))
}

/// From 0 up to, but never, 1: the 53 bits that such a number holds.
pub(super) fn fraction(bytes: [u8; 32]) -> f64 {
    (number(bytes) >> 11) as f64 / (1u64 << 53) as f64
}

/// A `UUIDv4` in form.
pub(super) fn uuid(bytes: [u8; 32]) -> Uuid {
    let head = bytes.first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_random_bytes(head).into_uuid()
}
