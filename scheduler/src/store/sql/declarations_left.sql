-- Workflows whose triggers and schedules were declared by a build that no worker has run for a minute, while a live worker of
-- another build has the workflow. $1 and $2 the org and workflow after which the page begins, $3 rows.
select d.org, d.workflow
from trigger_declarations d
where (d.org, d.workflow) > ($1, $2)
  and d.declared_at < now() - interval '1 minute'
  and not exists (select 1 from workers w
                  where w.org = d.org and w.ended_at is null and coalesce(w.build, '') = d.build and d.workflow = any (w.workflows))
  and not exists (select 1 from workers w
                  where w.org = d.org and w.ended_at > now() - interval '1 minute' and coalesce(w.build, '') = d.build
                    and d.workflow = any (w.workflows))
  and exists (select 1 from workers w
              where w.org = d.org and w.ended_at is null and coalesce(w.build, '') <> d.build and d.workflow = any (w.workflows))
order by d.org, d.workflow
limit $3
