-- What became of a schedule's times, in order, by their years before this one. $1 its name.
with y as (select extract(year from now() at time zone 'UTC')::int as this)
select y.this - extract(year from f.occurrence at time zone 'UTC')::int || ' ' || f.cause || ' ' || f.outcome
       || case when f.outcome = 'missed'
               then ' ' || f.count || ' since ' || y.this - extract(year from f.first_at at time zone 'UTC')::int else '' end
       || coalesce(': ' || f.reason, '')
from firings f join schedules s on s.id = f.schedule_id cross join y
where s.name = $1
order by f.id
