-- Microseconds until the next schedule fires; null when there is none.
select (extract(epoch from min(fire_at) - clock_timestamp()) * 1000000)::bigint from schedules where state = 'active'
