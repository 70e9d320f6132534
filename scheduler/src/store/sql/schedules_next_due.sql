-- Microseconds until the next schedule fires; null when there is none.
select (extract(epoch from min(fire_at) - clock_timestamp()) * 1000000)::bigint
from schedules s
where s.state = 'active' and (select o.disabled_at is null from orgs o where o.org = s.org)
