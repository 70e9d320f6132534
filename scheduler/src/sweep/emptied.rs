//! Work that is done a bounded piece at a time until none of it is left.

use std::time::{Duration, Instant};

use piton_shared::limits;
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;

/// Does one piece after the other until one is not full, and returns how many rows there were. Between two it rests as long as
/// the last one took: at least half of the database's time is left to others.
pub(super) async fn emptied<F>(stop: &CancellationToken, piece: impl Fn(i64) -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut all = 0;
    loop {
        let began = Instant::now();
        let done = piece(limits::SWEEP_ROWS).await?;
        all += done;
        if done < limits::SWEEP_ROWS.unsigned_abs() {
            return Ok(all);
        }
        let rest = began.elapsed().min(Duration::from_secs(1));
        tokio::select! {
            () = stop.cancelled() => return Ok(all),
            () = tokio::time::sleep(rest) => {}
        }
    }
}
