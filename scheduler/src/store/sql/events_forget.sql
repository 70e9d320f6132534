-- Forgets events, with what came of them, after a while; never one whose matching is owed. $1 an id as young as the oldest that
-- is kept: ids begin with their time. $2 rows.
with gone as (
    delete from events e
    where e.id = any (array(
        select o.id from events o
        where o.id < $1 and (select u.event_id from unmatched u where u.event_id = o.id) is null
        order by o.id limit $2
    ))
    returning e.id
),
cleared as (
    delete from event_runs r where r.event_id = any (array(select g.id from gone g))
)
select count(*) from gone
