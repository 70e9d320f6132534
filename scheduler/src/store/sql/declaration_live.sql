-- What is declared of a workflow by the build that was rolled out last of those that live workers have. $1 org, $2 workflow.
select d.build, d.since, d.rollout, d.queue, d.triggers
from definitions d
where d.org = $1 and d.kind = 'workflow' and d.name = $2
  and exists (select 1 from workers w
              where w.org = d.org and w.ended_at is null and coalesce(w.build, '') = d.build and d.name = any (w.workflows))
order by d.rollout desc, d.build desc
limit 1
