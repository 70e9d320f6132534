-- Locks schedules that are due, and those of which an occurrence waits for a run that has ended. What is locked this
-- instant is left to whoever has it. Nothing of a disabled org fires. $1 rows, $2 the only one that is meant, or null.
with due as materialized (
    (select s.id from schedules s where s.state = 'active' and s.fire_at <= now() and (select o.disabled_at is null from orgs o where o.org = s.org) order by s.fire_at limit $1)
    union
    (select s.id from schedules s
     where s.state = 'active' and s.waiting_at is not null and (select o.disabled_at is null from orgs o where o.org = s.org)
       and coalesce((select r.finished_at is not null from runs r where r.id = s.last_run), true)
     limit $1)
)
select s.id, s.org, s.name, s.workflow, s.queue, s.build, s.expression, s.time_zone, s.overlap, s.catch_up, s.jitter_millis,
       s.input, s.tags, s.next_at, s.waiting_at, s.last_run, now() as now
from schedules s
-- Looked at again under the lock: whoever had it may have fired it.
where s.id = any (case when $2::uuid is null then array(select d.id from due d) else array[$2] end) and s.state = 'active' and (s.fire_at <= now() or s.waiting_at is not null)
order by s.id
for no key update of s skip locked
