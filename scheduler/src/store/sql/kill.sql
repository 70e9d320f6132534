-- Kills a run whose lock is held. $1 run, $2 org, $3 the control's version.
with before as materialized (
    select worker, state from runs where id = $1 and org = $2
),
killed as (
    update runs r
    set state = 'killed', worker = null, parked = null, paused_at = null, finished_at = clock_timestamp()
    from before b
    where r.id = $1 and r.org = $2 and b.state in ('backlog', 'queued', 'running', 'suspended', 'parked')
    returning r.id
),
unheld as (delete from held h using killed k where h.run_id = k.id),
unready as (delete from ready d using killed k where d.run_id = k.id),
unwaiting as (delete from waits w using killed k where w.run_id = k.id),
forgotten as (
    delete from state s where s.org = $2 and s.scope = 'run' and s.owner = any (array(select id::text from killed))
),
-- Whoever is claiming one of these this instant is waited for, and is among the holders.
undispatched as (delete from dispatches d where d.run_id = any (array(select id from killed)) returning d.worker),
unbatched as (
    update batches b
    set status = 'cancelled', finished_at = clock_timestamp(), cancelled = b.total - b.completed - b.failed
    where b.run_id = any (array(select id from killed)) and b.status = 'running'
),
holders as materialized (
    select coalesce(array_agg(distinct h.worker), '{}') as workers
    from (select worker from before union all select worker from undispatched) h
    where h.worker is not null
),
ordered as (
    insert into controls (org, version, run_id, action, holders)
    select $2, $3, k.id, 'kill', h.workers from killed k cross join holders h
)
select h.workers from killed k cross join holders h
