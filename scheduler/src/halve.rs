//! A group that cannot be written because of one bad row: the row is found by halving and refused alone.

use crate::store::{Fault, StoreError};

/// What is written in groups.
pub trait Group: Sync {
    /// One of them.
    type Row: Sync;
    /// What one came to.
    type Outcome: Send;

    /// Writes some of them in one commit; says what each came to, in their order.
    fn write(&self, rows: &[Self::Row]) -> impl Future<Output = Result<Vec<Self::Outcome>, StoreError>> + Send;

    /// One that can never be written.
    fn refused(&self, row: &Self::Row, error: StoreError) -> Self::Outcome;

    /// Some of which it is not known whether they are written: they are asked for again.
    fn unknown(&self, rows: &[Self::Row], error: StoreError) -> Vec<Self::Outcome>;
}

/// Whether a part was tried before.
#[derive(PartialEq, Eq)]
enum Tried {
    Never,
    /// It failed, and the database said this.
    Once(Option<String>),
}

/// Writes them all; says what each came to, in their order.
pub async fn halving<G: Group>(group: &G, rows: &[G::Row]) -> Vec<G::Outcome> {
    let mut outcomes = Vec::with_capacity(rows.len());
    // The next part in order is the last.
    let mut parts = vec![(rows, Tried::Never)];
    while let Some((part, tried)) = parts.pop() {
        match group.write(part).await {
            Ok(written) => outcomes.extend(written),
            Err(error) => match (error.fault(), part) {
                // Whatever stood there unseen is seen by the next statement.
                (Fault::Taken, _) if tried == Tried::Never => parts.push((part, Tried::Once(error.code()))),
                (Fault::BadRow | Fault::Taken, [one]) => outcomes.push(group.refused(one, error)),
                // What fails twice in the same way may lie in one of them, whatever its class says: the others are written.
                (Fault::Passing | Fault::Bug, _) if !error.may_lie_in_rows() => {
                    outcomes.extend(group.unknown(part, error));
                }
                (Fault::Passing | Fault::Bug, _) if tried != Tried::Once(error.code()) => {
                    parts.push((part, Tried::Once(error.code())));
                }
                // Nor is one that fails alone refused: the mistake may be ours, and a later version may write it.
                (Fault::Passing | Fault::Bug, [_]) => outcomes.extend(group.unknown(part, error)),
                (Fault::BadRow | Fault::Taken | Fault::Passing | Fault::Bug, _) => {
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.extend([(right, Tried::Never), (left, Tried::Never)]);
                }
            },
        }
    }
    outcomes
}
