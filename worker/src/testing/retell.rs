//! Replays a whole journal, as nobody's attempt.

use piton_shared::{
    journal::Entry,
    replay::{DeliveryError, Fetch, FetchedResults, Machine, Replayed, Request, Turn},
};
use tracing::subscriber::{NoSubscriber, with_default};

/// Tells a machine all of a journal; `results` has what no row of it holds. What the workflow logs now was logged before.
pub(super) fn retell(
    mut machine: Machine,
    entries: &[Entry],
    results: impl Fn(&Fetch) -> FetchedResults,
) -> Result<Turn, DeliveryError> {
    with_default(NoSubscriber::default(), || {
        let mut rest = entries;
        let mut turn = loop {
            match machine.replay(rest)? {
                Replayed::All(turn) => break turn,
                Replayed::Stopped(stopped) => {
                    rest = &rest[stopped.taken..];
                    machine.supply(stopped.fetch.id, results(&stopped.fetch));
                }
            }
        };
        // Behind the last row it may read, too.
        while let Turn::Waiting(requests) = &turn
            && let Some(fetch) = requests.iter().find_map(fetch_of)
        {
            turn = machine.supply(fetch.id, results(fetch));
        }
        Ok(turn)
    })
}

fn fetch_of(request: &Request) -> Option<&Fetch> {
    match request {
        Request::Fetch(fetch) => Some(fetch),
        Request::Start(_) | Request::Withdraw(_) | Request::Items(_) | Request::Write(_) => None,
    }
}
