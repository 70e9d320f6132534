//! Between our values and Postgres' types.

use jiff_sqlx::ToSqlx;
use piton_shared::{
    codec,
    failure::Failure,
    ids::WorkerId,
    journal::{Entry, Kind, Place, StepKey},
    replay::StepOptions,
    time::Timestamp,
};
use sqlx::{
    Postgres, Row,
    error::BoxDynError,
    postgres::{PgRow, PgTypeInfo, PgValueRef},
};
use uuid::Uuid;

/// A timestamp for Postgres; what jiff cannot express is its nearest bound.
pub(super) fn at(time: Timestamp) -> jiff_sqlx::Timestamp {
    let micros = time.as_micros();
    jiff::Timestamp::from_microsecond(micros)
        .unwrap_or(if micros < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX })
        .to_sqlx()
}

/// A timestamp from Postgres.
pub(super) fn from(time: jiff_sqlx::Timestamp) -> Timestamp {
    Timestamp::from_micros(time.to_jiff().as_microsecond())
}

/// A point in time as Postgres keeps it. Its years go far beyond 9999, where jiff's end: what was written before there was
/// a bound on waits is read all the same.
struct Moment(Timestamp);

impl sqlx::Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        <jiff_sqlx::Timestamp as sqlx::Type<Postgres>>::type_info()
    }
}

impl<'r> sqlx::Decode<'r, Postgres> for Moment {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        /// Postgres counts from 2000-01-01.
        const EPOCH: i64 = 946_684_800_000_000;
        let micros = <i64 as sqlx::Decode<Postgres>>::decode(value)?;
        Ok(Self(Timestamp::from_micros(micros.saturating_add(EPOCH))))
    }
}

/// A column that may be null and is a point in time.
pub(super) fn maybe_time(row: &PgRow, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.try_get::<Option<Moment>, _>(column)?.map(|moment| moment.0))
}

/// A column that is a point in time.
pub(super) fn time(row: &PgRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    Ok(row.try_get::<Moment, _>(column)?.0)
}

/// A stored value that does not read.
pub(super) fn decode_error(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

/// A stored word that we do not know.
pub(super) fn unknown(what: &str, word: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("unknown {what} `{word}` in the database: it was written by a newer build").into())
}

/// A failure for Postgres.
pub(super) fn failure_bytes(failure: &Failure) -> Vec<u8> {
    codec::wire::encode(failure).expect("a failure is text and words, bounded where it is made")
}

/// How dispatched work is executed, for Postgres.
pub(super) fn terms_bytes(terms: &StepOptions) -> Vec<u8> {
    codec::wire::encode(terms).expect("durations, numbers and names always encode")
}

/// How dispatched work is executed, from Postgres.
pub(super) fn terms(bytes: &[u8]) -> Result<StepOptions, sqlx::Error> {
    codec::wire::decode(bytes).map_err(decode_error)
}

/// A value as JSON for Postgres, which takes every character but NUL: that one is shown as the replacement character.
pub(super) fn json(value: &impl serde::Serialize) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(value)?;
    replace_nul(&mut value);
    serde_json::to_string(&value)
}

fn replace_nul(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) if text.contains('\0') => {
            *text = text.replace('\0', "\u{fffd}");
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(replace_nul),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(replace_nul),
        serde_json::Value::String(_)
        | serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_) => {}
    }
}

/// A failure from Postgres.
pub(super) fn failure(bytes: &[u8]) -> Result<Failure, sqlx::Error> {
    codec::wire::decode(bytes).map_err(decode_error)
}

/// A row of the journal.
pub(super) fn entry(row: &PgRow) -> Result<Entry, sqlx::Error> {
    let kind: &str = row.try_get("kind")?;
    let result: Option<Vec<u8>> = row.try_get("result")?;
    let outcome = match result {
        Some(result) => Ok(result),
        None => Err(failure(row.try_get("failure")?)?),
    };
    let place = match row.try_get::<Option<i32>, _>("own")? {
        Some(own) => Place::Own { number: own.unsigned_abs(), after: row.try_get::<i32, _>("after")?.unsigned_abs() },
        None => Place::Outside { number: row.try_get::<i32, _>("outside")?.unsigned_abs() },
    };
    Ok(Entry {
        key: StepKey::new(row.try_get::<String, _>("step_key")?),
        kind: Kind::parse(kind).ok_or_else(|| unknown("kind of entry", kind))?,
        name: row.try_get("name")?,
        input: row.try_get("input")?,
        outcome,
        place,
        started_at: time(row, "started_at")?,
        finished_at: time(row, "finished_at")?,
        worker: row.try_get::<Option<Uuid>, _>("worker")?.map(WorkerId::new),
        try_number: row.try_get::<i32, _>("try_number")?.unsigned_abs(),
    })
}

/// A count for Postgres' signed integers; ours never come near the bound.
pub(super) fn int(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// An index from a place that counts from 1.
pub(super) fn place(place: i64) -> usize {
    usize::try_from(place - 1).unwrap_or(usize::MAX)
}

/// A duration in microseconds.
pub(super) fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
