-- Which workflows are gone from the code, and since when. No live worker has them, and a live one that started after the last that
-- had them is of the same program: it has something else that that one had. Or nobody has had them for so long that no such
-- worker is remembered, and somebody lives. $1 org, $2 workflows, $3 how long workers that ended are remembered, in microseconds.
with idle as materialized (
    select a.workflow from unnest($2::text[]) as a (workflow)
    where not exists (select 1 from workers w where w.org = $1 and w.ended_at is null and a.workflow = any (w.workflows))
)
select i.workflow, coalesce(last.ended_at, d.seen_at) as since
from idle i
left join lateral (
    select w.registered_at, w.ended_at, w.workflows || w.functions as had
    from workers w
    where w.org = $1 and i.workflow = any (w.workflows)
    order by w.registered_at desc
    limit 1
) last on true
left join lateral (
    select max(n.seen_at) as seen_at from definitions n
    where n.org = $1 and n.kind = 'workflow' and n.name = i.workflow
) d on true
where case
    when last.registered_at is not null then
        exists (select 1 from workers l
                where l.org = $1 and l.ended_at is null and l.registered_at > last.registered_at
                  and (l.workflows || l.functions) && last.had)
    else
        d.seen_at < clock_timestamp() - $3 * interval '1 microsecond'
        and exists (select 1 from workers l where l.org = $1 and l.ended_at is null)
end
