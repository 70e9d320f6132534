-- What has to be known of schedules that are locked: whether their last run goes on, which occurrences have started one, and
-- since when schedulers have been looking for what is due of their org: since it was enabled, at the earliest.
-- $1 schedules.
select s.id,
       coalesce((select r.finished_at is null from runs r where r.id = s.last_run), false) as goes_on,
       array(select f.occurrence from firings f
             where f.schedule_id = s.id and f.outcome = 'started' and f.cause = 'rhythm'
               and f.occurrence >= least(s.next_at, s.waiting_at)) as started,
       greatest((select w.since from schedule_watch w), (select o.enabled_at from orgs o where o.org = s.org)) as watched
from unnest($1::uuid[]) as a (id)
cross join lateral (select * from schedules c where c.id = a.id limit 1) s
