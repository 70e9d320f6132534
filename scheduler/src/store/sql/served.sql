-- Which of these workflows and functions a live worker of the queue and build has. $1–$5 one array a column: orgs, queues,
-- builds or '', kinds, names.
select a.place
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality as a (org, queue, build, kind, name, place)
cross join lateral (
    select w.id from workers w
    where w.org = a.org and w.ended_at is null
      and a.queue = any (w.queues) and (a.build = '' or w.build = a.build)
      and a.name = any (case a.kind when 'workflow' then w.workflows else w.functions end)
    limit 1
) w
