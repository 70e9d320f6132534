//! When a cron schedule fires: occurrences, time zones, overlap, catch-up.
