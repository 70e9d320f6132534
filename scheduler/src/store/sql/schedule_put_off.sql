-- Puts the firing of a schedule off. $1 schedule, $2 seconds.
update schedules set fire_at = greatest(fire_at, clock_timestamp()) + $2 * interval '1 second' where id = $1
