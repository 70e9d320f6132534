-- Values of runs' state, by places from 1; those that were never written are missing. $1 runs, $2 scopes, $3 names.
select w.place, s.value, s.version
from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as w (run_id, scope, name, place)
cross join lateral (select r.id, r.org, r.session from runs r where r.id = w.run_id limit 1) r
cross join lateral (
    select s.value, s.version
    from state s
    where s.org = r.org and s.scope = w.scope and s.name = w.name
      and s.owner = case w.scope when 'run' then r.id::text else coalesce(r.session, r.id::text) end
    limit 1
) s
