-- Locks the state that runs want to write, in the order of its keys. $1 runs, $2 scopes, $3 names.
--
-- A statement of its own: what the lock waited for is seen by the next one only.
with wanted as materialized (
    select distinct r.org, w.scope, w.name,
           case w.scope when 'run' then r.id::text else coalesce(r.session, r.id::text) end as owner
    from unnest($1::uuid[], $2::text[], $3::text[]) as w (run_id, scope, name)
    cross join lateral (select r.id, r.org, r.session from runs r where r.id = w.run_id limit 1) r
),
ordered as materialized (
    select * from wanted order by org, scope, owner, name
)
select s.version
from ordered w
cross join lateral (
    select s.version
    from state s
    where s.org = w.org and s.scope = w.scope and s.owner = w.owner and s.name = w.name
    limit 1
    for no key update
) s
