//! Time zones by their IANA names.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::RhythmError;

/// Names that are offered in place of an unknown one.
const CLOSE: usize = 3;

/// The zone of that name, from the database that is compiled in. Upper and lower case are the same.
pub(crate) fn zone(name: &str) -> Result<(TimeZone, String), RhythmError> {
    let bundled = TimeZoneDatabase::bundled();
    let found = bundled.get(name).ok().and_then(|zone| zone.iana_name().map(str::to_owned).map(|name| (zone, name)));
    found.ok_or_else(|| RhythmError::Zone { name: name.to_owned(), close: close(&bundled, name) })
}

/// Names whose last part is the last part of this one: of `Berlin`, `Europe/Berlin`.
fn close(bundled: &TimeZoneDatabase, name: &str) -> Vec<String> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or(name).replace(['_', '-'], " ").to_lowercase();
    let wanted = last(name.trim());
    bundled
        .available()
        .map(|name| name.to_string())
        .filter(|known| !wanted.is_empty() && last(known) == wanted)
        .take(CLOSE)
        .collect()
}
