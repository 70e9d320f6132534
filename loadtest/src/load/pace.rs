//! When the next request is sent.

use std::{future::Future, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    task::LocalSet,
    time::{Instant, sleep_until},
};

use super::dial::Dial;

/// So long after the end, requests of an open loop that are still owed are given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// What became of a request that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is sent now, as the load's request of this number; it was due then.
    Send(u64, Instant),
    /// It was due then, and is not sent so long after the end.
    GivenUp(Instant),
}

/// A closed loop: each caller sends, waits for what comes of it and sends the next, until the dial says that it is over.
pub(super) async fn closed<F: Future<Output = ()> + 'static>(
    callers: usize,
    dial: &Dial,
    turn: impl Fn(Turn) -> F + 'static,
) {
    let set = LocalSet::new();
    let turn = Rc::new(turn);
    for caller in 0..callers {
        let (dial, turn) = (dial.clone(), Rc::clone(&turn));
        set.spawn_local(async move {
            while !dial.is_over() {
                turn(Turn::Send(caller as u64, Instant::now())).await;
            }
        });
    }
    set.await;
}

/// An open loop: so many requests a second are due at even distances, whatever became of those before. While as many as
/// there may be are under way, the next one waits, and its time runs: it was due.
pub(super) async fn open<F: Future<Output = ()> + 'static>(
    (rate, most): (f64, usize),
    dial: &Dial,
    turn: impl Fn(Turn) -> F + 'static,
) {
    let set = LocalSet::new();
    let dial = dial.clone();
    set.spawn_local(async move {
        let begun = Instant::now();
        let room = Arc::new(Semaphore::new(most));
        let mut under_way = tokio::task::JoinSet::new();
        for number in 0_u64.. {
            let due = begun + Duration::from_secs_f64(number as f64 / rate);
            sleep_until(due).await;
            if dial.was_over(due) {
                break;
            }
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
            let next = match dial.window() {
                Some([_, over]) if over.elapsed() >= PATIENCE => Turn::GivenUp(due),
                Some(_) | None => Turn::Send(number, due),
            };
            let turn = turn(next);
            under_way.spawn_local(async move {
                turn.await;
                drop(permit);
            });
            while under_way.try_join_next().is_some() {}
        }
        under_way.join_all().await;
    });
    set.await;
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::time::sleep;

    use super::*;

    /// Milliseconds from the begin: when each was due, and how long it took from then on.
    type Notes = Rc<RefCell<Vec<(u128, u128)>>>;

    /// Ten a second for two seconds; what is sent takes 10 ms, the first one `stall`.
    async fn offered(most: usize, stall: Duration) -> Vec<(u128, u128)> {
        let (dial, notes) = (Dial::default(), Notes::default());
        dial.measure();
        let begun = Instant::now();
        let taken = Rc::clone(&notes);
        let turn = move |turn| {
            let notes = Rc::clone(&taken);
            async move {
                let Turn::Send(number, due) = turn else { return };
                sleep(if number == 0 { stall } else { Duration::from_millis(10) }).await;
                notes.borrow_mut().push(((due - begun).as_millis(), due.elapsed().as_millis()));
            }
        };
        let end = async {
            sleep(Duration::from_millis(1999)).await;
            dial.stop();
        };
        tokio::join!(open((10.0, most), &dial, turn), end);
        let mut notes = notes.take();
        notes.sort_unstable();
        notes
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_is_counted_in_every_request_that_it_holds_up() {
        let notes = offered(1, Duration::from_secs(1)).await;
        assert_eq!(notes.len(), 20, "none that was due is left out");
        assert_eq!(notes[0], (0, 1000));
        assert!((910..=930).contains(&notes[1].1), "it was due after 100 ms and waited for the first: {notes:?}");
        assert!((10..=12).contains(&notes[19].1), "the stall is made up for: {notes:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn with_room_a_stall_holds_up_nobody_else() {
        let notes = offered(100, Duration::from_secs(1)).await;
        assert_eq!(notes.len(), 20);
        assert!(notes[1..].iter().all(|(_, took)| (10..=12).contains(took)), "{notes:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_came_to_send_is_given_up() {
        let (dial, given_up) = (Dial::default(), Rc::new(RefCell::new(0)));
        dial.measure();
        let count = Rc::clone(&given_up);
        let turn = move |turn| {
            let count = Rc::clone(&count);
            async move {
                match turn {
                    Turn::Send(..) => sleep(PATIENCE * 2).await,
                    Turn::GivenUp(_) => *count.borrow_mut() += 1,
                }
            }
        };
        let end = async {
            sleep(Duration::from_millis(1999)).await;
            dial.stop();
        };
        tokio::join!(open((10.0, 1), &dial, turn), end);
        assert_eq!(given_up.take(), 19);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_loop_sends_the_next_when_the_last_has_ended() {
        let (dial, sent) = (Dial::default(), Rc::new(RefCell::new(0)));
        let count = Rc::clone(&sent);
        let turn = move |_| {
            *count.borrow_mut() += 1;
            sleep(Duration::from_millis(100))
        };
        let end = async {
            sleep(Duration::from_millis(950)).await;
            dial.stop();
        };
        tokio::join!(closed(3, &dial, turn), end);
        assert_eq!(sent.take(), 30);
    }
}
