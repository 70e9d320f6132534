-- Microseconds until the next timer or the next try of dispatched work is due; null when there is none.
select (extract(epoch from least(
    (select min(due_at) from waits),
    (select min(due_at) from dispatches where due_at is not null and stopped is null)
) - clock_timestamp()) * 1000000)::bigint
