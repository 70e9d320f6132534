-- The newest definition of each name. $1 org, $2 kind or null, $3 and $4 the kind and name after which the page begins,
-- $5 rows, $6 builds named of each.
select d.kind, d.name, d.since, d.description, d.parameters, d.input_schema, d.output_schema, d.triggers, d.seen_at,
       (select min(a.first_seen_at) from definitions a
        where a.org = d.org and a.kind = d.kind and a.name = d.name) as first_seen_at,
       array(select b.build from definitions b
             where b.org = d.org and b.kind = d.kind and b.name = d.name
             order by b.rollout desc, b.build desc limit $6) as builds,
       (select count(*) from workers w
        where w.org = d.org and w.ended_at is null
          and d.name = any (case d.kind when 'workflow' then w.workflows else w.functions end)) as workers
from definitions d
where d.org = $1 and (d.kind, d.name) > ($3, $4) and ($2::text is null or d.kind = $2)
  and not exists (select 1 from definitions n
                  where n.org = d.org and n.kind = d.kind and n.name = d.name and (n.rollout, n.build) > (d.rollout, d.build))
order by d.kind, d.name
limit $5
