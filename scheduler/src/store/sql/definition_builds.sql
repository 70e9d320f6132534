-- What is known of one definition, and whether a live worker has it: of the builds that were rolled out last, those that live
-- or were heard of within a minute before the others. The first is the one that counts where no build is named;
-- definitions_list.sql has the same order. $1 org, $2 kind, $3 name, $4 rows.
select d.build, d.since, d.description, d.parameters, d.input_schema, d.output_schema, d.triggers, d.first_seen_at, d.seen_at,
       d.workers
from (
    select d.build, d.since, d.description, d.parameters, d.input_schema, d.output_schema, d.triggers, d.first_seen_at,
           d.seen_at, d.rollout,
           (select count(*) from workers w
            where w.org = d.org and w.ended_at is null and coalesce(w.build, '') = d.build
              and d.name = any (case d.kind when 'workflow' then w.workflows else w.functions end)) as workers
    from definitions d
    where d.org = $1 and d.kind = $2 and d.name = $3
    order by d.rollout desc, d.build desc
    limit $4
) d
order by (d.workers > 0 or d.seen_at > now() - interval '1 minute') desc, d.rollout desc, d.build desc
