-- Live workers of an org, and those that ended lately. $1 org, $2 rows.
select w.id, w.name, w.host, w.process, w.build, w.queues, w.workflows, w.functions, w.run_slots, w.step_slots, w.free_runs,
       w.free_steps, w.intent, w.control_applied, w.under_way, w.registered_at, w.beat_at, w.lease_until, w.ended_at, w.end_reason,
       (select count(*) from held h where h.worker = w.id) as held,
       (select count(*) from dispatches d where d.worker = w.id and d.worker is not null) as executing
from workers w
where w.org = $1 and (w.ended_at is null or w.ended_at > now() - interval '10 minutes')
order by w.ended_at nulls first, w.registered_at
limit $2
