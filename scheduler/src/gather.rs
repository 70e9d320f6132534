//! Group commit by back-pressure: while one statement commits, the next batch collects.

use std::time::Instant;

use piton_shared::limits;
use piton_telemetry::metrics::{Group, SchedulerMetrics};
use tokio::sync::mpsc;

/// What waits for a commit. Bounded by the channel; what does not fit into a batch is carried to the next.
#[derive(Debug)]
pub struct Gatherer<J> {
    waiting: mpsc::Receiver<J>,
    carried: Vec<J>,
    rows: usize,
    metrics: SchedulerMetrics,
    group: Group,
}

/// What so many rows weigh that have so many bytes: a row more for each [`limits::COMMIT_ROW_BYTES`]. So a batch is bounded
/// in both, and a statement of the largest inputs is some megabytes.
pub fn weight(rows: usize, bytes: usize) -> usize {
    rows + bytes / limits::COMMIT_ROW_BYTES
}

/// Cuts rows, in their order, into pieces that weigh at most `most` each (see [`weight`]), of one row at least.
pub fn pieces<T>(rows: &[T], most: usize, weight: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fits = left.iter().take_while(|row| {
            sum += weight(row);
            sum <= most
        });
        let (piece, rest) = left.split_at(fits.count().max(1).min(left.len()));
        left = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

impl<J> Gatherer<J> {
    /// Collects from a channel, batches that weigh at most `rows` (see [`weight`]; the last job may bring more), counted as
    /// `group`.
    pub fn new(waiting: mpsc::Receiver<J>, rows: usize, metrics: SchedulerMetrics, group: Group) -> Self {
        Self { waiting, carried: Vec::new(), rows, metrics, group }
    }

    /// Keeps jobs for the next batch, before everything that came later.
    pub fn carry(&mut self, jobs: Vec<J>) {
        self.carried.splice(0..0, jobs);
    }

    /// The next batch: at least one job, and with it whatever waits already. None once every sender is gone and
    /// nothing is left. Never waits for a second job: when idle, one job is one commit at once.
    pub async fn next(&mut self, weight: impl Fn(&J) -> usize) -> Option<Vec<J>> {
        let mut batch = std::mem::take(&mut self.carried);
        if batch.is_empty() {
            batch.push(self.waiting.recv().await?);
        }
        let mut rows: usize = batch.iter().map(&weight).sum();
        while rows < self.rows {
            let Ok(job) = self.waiting.try_recv() else {
                break;
            };
            rows += weight(&job);
            batch.push(job);
        }
        let waiting = self.waiting.len() + self.carried.len();
        self.metrics.commit_waiting.at(self.group).set(i64::try_from(waiting).unwrap_or(i64::MAX));
        Some(batch)
    }

    /// Counts a commit of so many rows that began at `began`.
    pub fn committed(&self, rows: usize, began: Instant) {
        self.metrics.commits.at(self.group).inc();
        self.metrics.commit_rows.at(self.group).add(rows as u64);
        self.metrics.commit_batch.at(self.group).rows(rows);
        self.metrics.commit_time.at(self.group).seconds(began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_batch_of_large_rows_is_bounded_by_its_bytes() {
        let (send, receive) = mpsc::channel(512);
        for _ in 0..512 {
            send.send(limits::PAYLOAD_BYTES).await.expect("there is room");
        }
        let mut gatherer = Gatherer::new(receive, limits::COMMIT_ROWS / 2, SchedulerMetrics::new(), Group::Intake);
        let batch = gatherer.next(|bytes| weight(1, *bytes)).await.expect("a batch");
        let bytes: usize = batch.iter().sum();
        assert!(batch.len() > 1 && bytes <= 9 * 1024 * 1024, "{} inputs of {bytes} bytes", batch.len());
    }

    #[test]
    fn rows_are_cut_by_their_weight_and_none_is_left_out() {
        let cut = |rows: &[usize]| pieces(rows, 10, |row| *row).map(<[_]>::to_vec).collect::<Vec<_>>();
        assert_eq!(cut(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(cut(&[4, 6, 1, 30, 10, 2]), [vec![4, 6], vec![1], vec![30], vec![10], vec![2]]);
        let largest = [limits::PAYLOAD_BYTES; 300];
        let bytes =
            pieces(&largest, limits::COMMIT_ROWS / 2, |bytes| weight(1, *bytes)).map(|piece| piece.iter().sum());
        assert!(bytes.into_iter().all(|bytes: usize| bytes <= 9 * 1024 * 1024));
    }

    #[tokio::test]
    async fn takes_what_waits_up_to_the_bound_and_loses_nothing() {
        let (send, receive) = mpsc::channel(16);
        for job in 1..=5_usize {
            send.send(job).await.expect("there is room");
        }
        drop(send);
        let mut gatherer = Gatherer::new(receive, 6, SchedulerMetrics::new(), Group::Intake);
        assert_eq!(gatherer.next(|job| *job).await, Some(vec![1, 2, 3]));
        gatherer.carry(vec![3]);
        assert_eq!(gatherer.next(|job| *job).await, Some(vec![3, 4]));
        assert_eq!(gatherer.next(|job| *job).await, Some(vec![5]));
        assert_eq!(gatherer.next(|job| *job).await, None);
    }
}
