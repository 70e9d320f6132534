-- Notes who declares a workflow's triggers; no row if what was declared before stays. $1 org, $2 workflow, $3 since, $4 build or '',
-- $5 when its rollout began.
--
-- A build that was rolled out later stays, also when a process of an earlier build restarts beside it. Once no worker of it lives
-- any more it has been rolled back: an earlier build may declare again.
insert into trigger_declarations as d (org, workflow, since, build, rollout) values ($1, $2, $3, $4, $5)
on conflict (org, workflow) do update set
    since = excluded.since, build = excluded.build, rollout = excluded.rollout, declared_at = now()
where (coalesce(d.rollout, d.since), d.since) <= (excluded.rollout, excluded.since)
   or (d.build <> excluded.build
       -- Whoever declares registers only afterwards.
       and d.declared_at < now() - interval '1 minute'
       and not exists (select 1 from workers w
                       where w.org = d.org and w.ended_at is null and coalesce(w.build, '') = d.build
                         and d.workflow = any (w.workflows)))
returning d.since
