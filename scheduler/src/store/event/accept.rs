//! Accepting events, each once.

use std::{collections::HashMap, time::Duration};

use piton_shared::time::Timestamp;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{
    event::{NewEvent, Origin},
    store::{Store, StoreError, value},
};

/// An event to accept, with the id it gets.
#[derive(Debug, Clone)]
pub struct Accepting {
    /// Its id.
    pub id: Uuid,
    /// What was published.
    pub event: NewEvent,
}

/// What an accepted event came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It is new.
    New(Timestamp),
    /// It was known by an id or key of it: the earlier event, and when that was accepted.
    Repeated(Uuid, Timestamp),
    /// Its org is not there.
    UnknownOrg,
}

/// A key of an event, in its org and its space.
type Key = (String, &'static str, String);

impl Accepting {
    /// By what it is known, the publisher's own id first.
    fn keys(&self) -> Vec<Key> {
        let org = || self.event.org.to_string();
        let id = self.event.id.iter().map(|id| (org(), "id", id.clone()));
        let mut keys: Vec<Key> = id.chain(self.event.keys.iter().map(|key| (org(), "key", key.clone()))).collect();
        let mut seen = std::collections::HashSet::new();
        keys.retain(|key| seen.insert(key.clone()));
        keys
    }
}

impl Store {
    /// Accepts events in one commit, each of them once within the window; says what each came to, in their order. The
    /// debt of matching them is written with them.
    pub async fn event_accept(&self, events: &[Accepting], window: Duration) -> Result<Vec<Came>, StoreError> {
        let mut tx = self.hot.begin().await.map_err(StoreError::new("event_accept"))?;
        let keys: Vec<_> = events.iter().map(Accepting::keys).collect();
        let fresh = accept(&mut tx, events, &keys, window).await?;
        let others =
            events.iter().zip(&keys).filter(|(event, keys)| !fresh.contains_key(&event.id) && !keys.is_empty());
        let others: Vec<_> = others.map(|(event, keys)| (event.id, keys)).collect();
        let holders = if others.is_empty() { HashMap::new() } else { holders(&mut tx, &others).await? };
        tx.commit().await.map_err(StoreError::new("event_accept"))?;
        let came = |event: &Accepting| match (fresh.get(&event.id), holders.get(&event.id)) {
            (Some(at), _) => Came::New(*at),
            (None, Some((earlier, at))) => Came::Repeated(*earlier, *at),
            (None, None) => Came::UnknownOrg,
        };
        Ok(events.iter().map(came).collect())
    }

    /// Forgets keys of events whose window is over; says how many.
    pub async fn event_keys_forget(&self, rows: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(include_str!("../sql/event_keys_forget.sql"))
            .bind(rows)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("event_keys_forget"))?;
        Ok(done.rows_affected())
    }
}

async fn accept(
    connection: &mut PgConnection,
    events: &[Accepting],
    keys: &[Vec<Key>],
    window: Duration,
) -> Result<HashMap<Uuid, Timestamp>, StoreError> {
    fn column<T>(events: &[Accepting], of: impl Fn(&NewEvent) -> T) -> Vec<T> {
        events.iter().map(|event| of(&event.event)).collect()
    }
    let each_key = || events.iter().zip(keys).flat_map(|(event, keys)| keys.iter().map(|key| (event.id, key)));
    let rows = sqlx::query(include_str!("../sql/event_accept.sql"))
        .bind(events.iter().map(|event| event.id).collect::<Vec<_>>())
        .bind(column(events, |event| event.org.to_string()))
        .bind(column(events, |event| event.name.clone()))
        .bind(column(events, |event| event.id.clone()))
        .bind(column(events, |event| event.data.clone()))
        .bind(column(events, |event| event.envelope.clone()))
        .bind(column(events, |event| word(&event.origin)))
        .bind(column(events, |event| webhook(&event.origin).map(|(provider, ..)| provider)))
        .bind(column(events, |event| webhook(&event.origin).map(|(_, endpoint, _)| endpoint.to_owned())))
        .bind(column(events, |event| webhook(&event.origin).map(|(.., delivery)| delivery)))
        .bind(column(events, |event| replay(&event.origin).map(|(of, _)| of)))
        .bind(column(events, |event| replay(&event.origin).and_then(|(_, only)| only.clone())))
        .bind(column(events, |event| event.occurred_at.map(value::at)))
        .bind(column(events, |event| event.trace.clone()))
        .bind(keys.iter().map(|keys| i64::try_from(keys.len()).unwrap_or(i64::MAX)).collect::<Vec<_>>())
        .bind(each_key().map(|(event, _)| event).collect::<Vec<_>>())
        .bind(each_key().map(|(_, key)| key.0.clone()).collect::<Vec<_>>())
        .bind(each_key().map(|(_, key)| key.1).collect::<Vec<_>>())
        .bind(each_key().map(|(_, key)| key.2.clone()).collect::<Vec<_>>())
        .bind(i64::try_from(window.as_secs()).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("event_accept"))?;
    let fresh = |row: &sqlx::postgres::PgRow| Ok((row.try_get("id")?, value::time(row, "accepted_at")?));
    rows.iter().map(fresh).collect::<Result<_, _>>().map_err(StoreError::new("event_accept"))
}

/// The earlier events of those that are known by a key. Keys that such an event took nevertheless become the earlier one's.
async fn holders(
    connection: &mut PgConnection,
    repeated: &[(Uuid, &Vec<Key>)],
) -> Result<HashMap<Uuid, (Uuid, Timestamp)>, StoreError> {
    let each: Vec<(Uuid, &Key)> =
        repeated.iter().flat_map(|(event, keys)| keys.iter().map(|key| (*event, key))).collect();
    let rows = sqlx::query(include_str!("../sql/event_keys_look.sql"))
        .bind(each.iter().map(|(_, key)| key.0.clone()).collect::<Vec<_>>())
        .bind(each.iter().map(|(_, key)| key.1).collect::<Vec<_>>())
        .bind(each.iter().map(|(_, key)| key.2.clone()).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::new("event_keys_look"))?;
    let mut found: Vec<(usize, Uuid, Timestamp)> = Vec::new();
    for row in &rows {
        let read =
            || Ok((value::place(row.try_get("place")?), row.try_get("event_id")?, value::time(row, "accepted_at")?));
        found.push(read().map_err(StoreError::new("event_keys_look"))?);
    }
    found.sort_unstable_by_key(|(place, ..)| *place);
    let mut holders: HashMap<Uuid, (Uuid, Timestamp)> = HashMap::new();
    for (place, holder, at) in &found {
        let Some((event, _)) = each.get(*place) else { continue };
        if holder != event {
            holders.entry(*event).or_insert((*holder, *at));
        }
    }
    // One of the same group may be known by a key of another that is itself a repeated one: to the end of the chain, which
    // has no circle, since each link leads to an event that came before in the group or is there already.
    let first_of = |event: Uuid| {
        let mut first = holders.get(&event).copied()?;
        for _ in 0..repeated.len() {
            match holders.get(&first.0) {
                Some(earlier) => first = *earlier,
                None => break,
            }
        }
        Some(first)
    };
    let resolved: HashMap<_, _> =
        repeated.iter().filter_map(|(event, _)| first_of(*event).map(|first| (*event, first))).collect();
    let mend: Vec<_> =
        found.iter().filter_map(|(place, holder, _)| Some((each.get(*place)?.1, resolved.get(holder)?.0))).collect();
    if !mend.is_empty() {
        sqlx::query(include_str!("../sql/event_keys_mend.sql"))
            .bind(mend.iter().map(|(key, _)| key.0.clone()).collect::<Vec<_>>())
            .bind(mend.iter().map(|(key, _)| key.1).collect::<Vec<_>>())
            .bind(mend.iter().map(|(key, _)| key.2.clone()).collect::<Vec<_>>())
            .bind(mend.iter().map(|(_, earlier)| *earlier).collect::<Vec<_>>())
            .execute(connection)
            .await
            .map_err(StoreError::new("event_keys_mend"))?;
    }
    Ok(resolved)
}

fn word(origin: &Origin) -> &'static str {
    match origin {
        Origin::Published => "published",
        Origin::Webhook { .. } => "webhook",
        Origin::Replayed { .. } => "replayed",
    }
}

fn webhook(origin: &Origin) -> Option<(&'static str, &str, Uuid)> {
    match origin {
        Origin::Published => None,
        Origin::Webhook { provider, endpoint, delivery } => Some((provider.as_str(), endpoint, *delivery)),
        Origin::Replayed { first, .. } => webhook(first),
    }
}

fn replay(origin: &Origin) -> Option<(Uuid, &Option<String>)> {
    match origin {
        Origin::Published | Origin::Webhook { .. } => None,
        Origin::Replayed { of, only, .. } => Some((*of, only)),
    }
}
