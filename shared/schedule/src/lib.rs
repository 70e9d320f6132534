//! When a cron schedule fires: occurrences, time zones, overlap, catch-up.
//!
//! All of it is pure: the time is an argument, and time zones come from the database that is compiled in, so every
//! scheduler of one build computes the same. A zone whose rules change needs a build with the newer database.
//!
//! # Expressions
//!
//! Five fields (minute, hour, day of month, month, day of week), or six with the second first; names of months and days;
//! lists, ranges, steps; `L` and `W` in days of the month; `#` and `L` in days of the week. If both kinds of days are
//! restricted, either suffices; a `+` before the days of the week makes it both. In words: `@yearly` (`@annually`), `@monthly`,
//! `@weekly`, `@daily` (`@midnight`), `@hourly`.
//!
//! A step counts within its range and begins anew with it: `*/7` in the minutes is 0, 7, …, 56 and 0 again. One that leaves its range at
//! once (`*/90` minutes, `*/36` hours, `0-30/45`) is refused, since it would mean its first value alone.
//!
//! Zones are places, such as `Europe/Berlin`, or `UTC`. `Etc/GMT+2` has the sign of POSIX: it is two hours *behind* UTC.
//!
//! # Days on which the clocks change
//!
//! An expression is *fixed* if it names one second (or none), one minute and one hour, as `30 2 * * *` does; every other one
//! is an *interval*, also a list such as `0 2,14 * * *`.
//!
//! | the clocks | fixed | interval |
//! | --- | --- | --- |
//! | go forward: its time does not exist that day | fires once, at the first instant after the gap | what lies in the gap is left out |
//! | go back: its time comes twice | fires once, the first time | fires both times |
//!
//! A fixed one whose gap reaches into the next day fires then only if that day is one of its days, and one whose whole day is
//! left out by its zone does not fire that day. The tests hold this for Berlin, New York, Lord Howe (whose clocks change by
//! half an hour), Scoresbysund (whose gap ends at midnight), Apia (which left out a day) and UTC.

mod describe;
mod due;
mod error;
mod expression;
mod jitter;
mod overlap;
mod rhythm;
mod written;
mod zone;

pub use due::{Due, Missed, Next, Terms, due};
pub use error::{Blame, RhythmError};
pub use expression::Field;
pub use jitter::fire_at;
pub use overlap::{Last, LastRun, Move, Moves, moves};
pub use rhythm::Rhythm;
