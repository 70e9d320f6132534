-- Started firings, the different times among them, the different runs of them that are there, and all runs.
select count(*), count(distinct (f.schedule_id, f.occurrence)), count(distinct r.id), (select count(*) from runs)
from firings f left join runs r on r.id = f.run_id
where f.outcome = 'started'
