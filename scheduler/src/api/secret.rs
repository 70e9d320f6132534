//! API keys: `pk_<prefix>_<secret>`. The prefix finds the row, the hash of the whole decides.

use std::fmt;

use rand::Rng as _;
use sha2::{Digest, Sha256};

const BEGINNING: &str = "pk_";
const PREFIX_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// A key in the clear: shown once, never stored and never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new one: 32 random bytes behind a public prefix of 6.
    pub fn fresh() -> Self {
        let mut random = [0; PREFIX_BYTES + SECRET_BYTES];
        rand::rng().fill_bytes(&mut random);
        let (prefix, secret) = random.split_at(PREFIX_BYTES);
        Self(format!("{BEGINNING}{}_{}", hex::encode(prefix), hex::encode(secret)))
    }

    /// Takes what a caller presents; none when it cannot be a key.
    pub fn read(text: &str) -> Option<Self> {
        let (prefix, secret) = text.strip_prefix(BEGINNING)?.split_once('_')?;
        let hex = |part: &str, bytes: usize| {
            part.len() == 2 * bytes && part.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
        };
        (hex(prefix, PREFIX_BYTES) && hex(secret, SECRET_BYTES)).then(|| Self(text.to_owned()))
    }

    /// The public beginning, by which its row is found and people know it.
    pub fn prefix(&self) -> &str {
        &self.0[..BEGINNING.len() + 2 * PREFIX_BYTES]
    }

    /// SHA-256 of the whole key. A slow hash would add nothing: the key has 256 random bits.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The key itself, to be shown to its owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}_…)", self.prefix())
    }
}

/// Whether two hashes are the same, in a time that does not depend on where they differ.
pub(super) fn same(ours: &[u8], theirs: &[u8]) -> bool {
    ours.len() == theirs.len()
        && std::hint::black_box(ours.iter().zip(theirs).fold(0, |difference, (a, b)| difference | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_key_reads_back_and_hides_in_debug() {
        let key = Secret::fresh();
        assert_eq!(Secret::read(key.reveal()).as_ref(), Some(&key));
        assert_eq!(key.prefix().len(), 15);
        let (_, secret) = key.reveal().rsplit_once('_').expect("it has three parts");
        assert!(!format!("{key:?}").contains(secret));
        assert_ne!(Secret::fresh(), key);
    }

    #[test]
    fn what_cannot_be_a_key_is_not_looked_up() {
        let whole = format!("pk_{}_{}", "0".repeat(12), "a".repeat(64));
        assert!(Secret::read(&whole).is_some());
        for bad in [
            "",
            "pk_",
            "pk__",
            "x",
            &whole[1..],
            &whole[..whole.len() - 1],
            &whole.to_uppercase(),
            &whole.replace('a', "ä"),
        ] {
            assert!(Secret::read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn hashes_are_compared_whole() {
        assert!(same(&[1, 2], &[1, 2]));
        assert!(!same(&[1, 2], &[1, 3]));
        assert!(!same(&[1, 2], &[1]));
    }
}
