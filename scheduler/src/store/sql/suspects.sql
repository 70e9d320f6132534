-- The runs that a worker holds, with what earlier ends of leases left on them; their locks are held. $1 the runs, $2 the worker.
select r.id, r.strikes, r.company,
       exists (select 1 from held h where h.run_id = r.id and h.worker = $2 and h.alone_since is not null) as alone
from runs r
where r.id = any ($1) and r.worker = $2 and r.state = 'running'
order by r.id
