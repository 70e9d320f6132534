-- Keeps the watch over schedules: a scheduler looks now. $1 the longest gap between two looks in seconds, $2 and $3 the watch that
-- this scheduler has kept since its last look, or null: its last look and the first. No row if another look is recent enough.
--
-- The watch goes on if the last look was a moment ago, or if this scheduler has been at work since.
update schedule_watch w
set since = case when w.looked_at >= clock_timestamp() - $1 * interval '1 second' or w.looked_at >= $2
                 then least(w.since, $3) else clock_timestamp() end,
    looked_at = greatest(w.looked_at, clock_timestamp())
where w.looked_at < clock_timestamp() - interval '1 second' or w.since > $3
returning w.looked_at, w.since
