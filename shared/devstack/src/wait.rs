use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::limits;

/// Looks until there is something to see, or until the time is over, which is `None`. Looks at least once.
pub(crate) async fn until<T, E>(
    bound: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let end = Instant::now() + bound;
    loop {
        if let Some(seen) = look().await? {
            return Ok(Some(seen));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        sleep(limits::LOOK_EVERY).await;
    }
}
