-- Work whose next try is due waits for room again. Rows that are locked this instant are left for next time. $1 rows.
with due as materialized (
    select d.ctid as place_of
    from dispatches d
    where d.due_at <= statement_timestamp() and d.stopped is null
    order by d.due_at
    limit $1
    for no key update skip locked
),
over as (
    update dispatches d
    set due_at = null, offered_at = d.due_at
    from due
    where d.ctid = due.place_of
    returning d.run_id, d.step_key, d.item, d.org, d.queue, d.build, d.function, d.epoch, d.offered_at
)
select o.run_id, o.step_key, o.item, o.org, o.queue, o.build, o.function, o.epoch, o.offered_at,
       (extract(epoch from clock_timestamp() - o.offered_at) * 1000000)::bigint as lag_micros from over o
