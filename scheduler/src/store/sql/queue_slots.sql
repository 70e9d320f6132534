-- Run slots and step slots of the live workers of each queue.
select w.org, q.queue, w.build, sum(w.run_slots)::bigint as slots, sum(w.step_slots)::bigint as step_slots
from workers w cross join lateral unnest(w.queues) as q (queue)
where w.ended_at is null and w.intent = 'working'
group by w.org, q.queue, w.build
