-- Makes a schedule; no row if there is no such org, if its name is taken, or if the org has as many as it may. $1–$13 its
-- columns, $14 next occurrence, $15 when that fires, $16 origin, $17 state, $18 how many an org may have.
insert into schedules (id, org, name, workflow, queue, build, expression, time_zone, overlap, catch_up, jitter_millis, input, tags,
                       next_at, fire_at, origin, state, paused_at)
select $1, o.org, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, string_to_array($13, ','), $14, $15, $16, $17,
       case when $17 = 'paused' then now() end
from orgs o
where o.org = $2 and (select count(*) from schedules c where c.org = $2) < $18
on conflict (org, name) do nothing
