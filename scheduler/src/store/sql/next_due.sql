-- Microseconds until the next timer is due; null when there is none.
select (extract(epoch from (select min(due_at) from waits) - clock_timestamp()) * 1000000)::bigint
