-- Accepts runs: one statement for all that are asked for. $1–$15 one array a column, keyed ones sorted by key;
-- $16 the window of idempotency keys in seconds.
--
-- A placement is 'held' (a worker has room: the claim is granted in the same row), 'queued' (published after the
-- commit), 'backlog' or 'unserved' (the backlog, until a worker has the workflow). A worker that has died meanwhile is noticed here and its runs are queued instead.
with wanted as materialized (
    select a.*, (select o.control_version from orgs o where o.org = a.org) as control_version
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[],
                $9::text[], $10::text[], $11::uuid[], $12::uuid[], $13::timestamptz[], $14::text[], $15::bytea[])
        with ordinality
        as a (id, org, workflow, queue, build, session, tags, input, trace, placement, worker, attempt, not_before,
              key, fingerprint, place)
),
-- An org that is not there has no runs.
asked as materialized (
    select * from wanted where control_version is not null
),
alive as materialized (
    select w.id from workers w
    where w.id = any (array(select distinct a.worker from asked a where a.worker is not null)) and coalesce(w.ended_at, 'infinity') = 'infinity'
    for key share
),
keyed as (
    insert into start_keys (org, key, run_id, fingerprint, expires_at)
    select distinct on (a.org, a.key) a.org, a.key, a.id, a.fingerprint, now() + $16 * interval '1 second'
    from asked a
    where a.key is not null
    order by a.org, a.key, a.place
    on conflict (org, key) do update
        set run_id = excluded.run_id, fingerprint = excluded.fingerprint, expires_at = excluded.expires_at
        where start_keys.expires_at < now()
    returning run_id
),
placed as materialized (
    select a.*, case
        when a.placement = 'held' and a.worker in (select id from alive) then 'running'
        when a.placement in ('backlog', 'unserved') then 'backlog'
        else 'queued'
    end as state
    from asked a
    where a.key is null or a.id in (select run_id from keyed)
),
inserted as (
    insert into runs (id, org, workflow, queue, build, session, tags, seed, input, trace, created_at, state, epoch,
                      attempts, attempt, worker, started_at)
    select p.id, p.org, p.workflow, p.queue, p.build, p.session, string_to_array(p.tags, ','), p.id, p.input, p.trace,
           now(), p.state, case when p.state = 'backlog' then 0 else 1 end,
           case when p.state = 'running' then 1 else 0 end,
           case when p.state = 'running' then p.attempt end,
           case when p.state = 'running' then p.worker end,
           case when p.state = 'running' then now() end
    from placed p
),
readied as (
    insert into ready (run_id, org, queue, build, epoch, not_before, published_at, unserved)
    select p.id, p.org, p.queue, p.build, case when p.state = 'queued' then 1 else 0 end, p.not_before,
           case when p.state = 'queued' then now() end,
           case when p.placement = 'unserved' then p.workflow end
    from placed p
    where p.state <> 'running'
),
holding as (
    insert into held (run_id, worker, attempt) select p.id, p.worker, p.attempt from placed p where p.state = 'running'
)
select p.id, p.state, now() as created_at, p.control_version
from placed p
