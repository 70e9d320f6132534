//! What spreads the waits between tries.

/// Chance, or its absence.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chance {
    /// Every wait is as long as it may be.
    None,
    /// The same series for the same seed.
    Seeded(u64),
}

impl Chance {
    /// A number from 0 to 1.
    pub(super) fn next(&mut self) -> f64 {
        match self {
            Self::None => 1.0,
            // SplitMix64: small, and the same on every machine.
            Self::Seeded(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = *state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                mixed ^= mixed >> 31;
                (mixed >> 11) as f64 / (1_u64 << 53) as f64
            }
        }
    }
}
