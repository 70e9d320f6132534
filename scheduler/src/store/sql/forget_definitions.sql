-- Forgets builds of definitions that were not seen for long, that no live worker has and that others have replaced.
-- $1 how long in microseconds, $2 rows.
delete from definitions
where (org, kind, name, build) in (
    select d.org, d.kind, d.name, d.build from definitions d
    where d.seen_at < clock_timestamp() - $1 * interval '1 microsecond'
      and exists (select 1 from definitions n
                  where n.org = d.org and n.kind = d.kind and n.name = d.name and (n.rollout, n.build) > (d.rollout, d.build))
      and not exists (select 1 from workers w
                      where w.org = d.org and w.ended_at is null and coalesce(w.build, '') = d.build
                        and d.name = any (case d.kind when 'workflow' then w.workflows else w.functions end))
    limit $2
    for update skip locked
)
