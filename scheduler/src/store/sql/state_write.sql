-- Writes state over the versions it was computed from; the locks of the runs and of what is there are held.
-- $1 runs, $2 scopes, $3 names, $4 values (null deletes), $5 versions expected. Says which went in, by their places
-- from 1.
--
-- A deleted value stays as a row without a value, so that versions never go back.
with wanted as materialized (
    select w.*, r.org, case w.scope when 'run' then r.id::text else coalesce(r.session, r.id::text) end as owner
    from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::bigint[]) with ordinality
        as w (run_id, scope, name, value, expected, place)
    cross join lateral (select r.id, r.org, r.session from runs r where r.id = w.run_id limit 1) r
),
found as materialized (
    select w.*, s.at, coalesce(s.version, 0) as version,
           -- Of two that write the same the first is first, and the second was computed from an older version.
           row_number() over (partition by w.org, w.scope, w.owner, w.name order by w.place) as turn
    from wanted w
    left join lateral (
        select s.ctid as at, s.version
        from state s
        where s.org = w.org and s.scope = w.scope and s.owner = w.owner and s.name = w.name
        limit 1
    ) s on true
),
fits as materialized (
    select * from found where turn = 1 and version = expected order by org, scope, owner, name
),
updated as (
    update state s
    set (value, version, run_id, written_at) = (
        select f.value, s.version + 1, f.run_id, clock_timestamp() from fits f where f.at = s.ctid
    )
    where s.ctid = any (array(select f.at from fits f where f.at is not null))
),
inserted as (
    insert into state (org, scope, owner, name, value, version, run_id, written_at)
    select f.org, f.scope, f.owner, f.name, f.value, 1, f.run_id, clock_timestamp() from fits f where f.at is null
    -- Somebody else was faster since the look.
    on conflict do nothing
    returning org, scope, owner, name
)
select f.place from fits f where f.at is not null
union all
select f.place
from fits f
cross join inserted i
where i.org = f.org and i.scope = f.scope and i.owner = f.owner and i.name = f.name
