-- The definitions of a page, each as the build that counts has it: the first by the order of definition_builds.sql. $1 org, $2 kind
-- or null, $3 and $4 the kind and name after which the page begins, $5 rows, $6 builds looked at of each, $7 builds named of each.
select p.kind, p.name, c.since, c.description, c.parameters, c.input_schema, c.output_schema, c.triggers, c.seen_at,
       p.first_seen_at, c.builds,
       (select count(*) from workers w
        where w.org = $1 and w.ended_at is null
          and p.name = any (case p.kind when 'workflow' then w.workflows else w.functions end)) as workers
from (
    select d.kind, d.name, min(d.first_seen_at) as first_seen_at
    from definitions d
    where d.org = $1 and (d.kind, d.name) > ($3, $4) and ($2::text is null or d.kind = $2)
    group by d.kind, d.name
    order by d.kind, d.name
    limit $5
) p
cross join lateral (
    select d.since, d.description, d.parameters, d.input_schema, d.output_schema, d.triggers, d.seen_at,
           (array_agg(d.build) over (
                order by (d.workers > 0 or d.seen_at > now() - interval '1 minute') desc, d.rollout desc, d.build desc
                rows between unbounded preceding and unbounded following))[1:$7] as builds
    from (
        select d.build, d.since, d.description, d.parameters, d.input_schema, d.output_schema, d.triggers, d.seen_at, d.rollout,
               (select count(*) from workers w
                where w.org = d.org and w.ended_at is null and coalesce(w.build, '') = d.build
                  and d.name = any (case d.kind when 'workflow' then w.workflows else w.functions end)) as workers
        from definitions d
        where d.org = $1 and d.kind = p.kind and d.name = p.name
        order by d.rollout desc, d.build desc
        limit $6
    ) d
    order by (d.workers > 0 or d.seen_at > now() - interval '1 minute') desc, d.rollout desc, d.build desc
    limit 1
) c
order by p.kind, p.name
