-- Kills a run whose lock is held. $1 run, $2 org, $3 the control's version.
with before as materialized (
    select worker, state from runs where id = $1 and org = $2
),
killed as (
    update runs r
    set state = 'killed', worker = null, parked = null, finished_at = clock_timestamp()
    from before b
    where r.id = $1 and r.org = $2 and b.state in ('backlog', 'queued', 'running', 'suspended', 'parked')
    returning r.id
),
unheld as (delete from held h using killed k where h.run_id = k.id),
unready as (delete from ready d using killed k where d.run_id = k.id),
unwaiting as (delete from waits w using killed k where w.run_id = k.id),
ordered as (
    insert into controls (org, version, run_id, action, holders)
    select $2, $3, k.id, 'kill', array_remove(array[b.worker], null) from killed k cross join before b
)
select b.worker from killed k cross join before b
