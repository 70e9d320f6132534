-- Drops the debt of an event that can never be matched, unless somebody is at it. $1 event, $2 why.
with dropped as (
    delete from unmatched u
    where u.event_id = any (array(select w.event_id from unmatched w where w.event_id = $1 for update skip locked))
    returning u.event_id, u.org
)
insert into event_runs (event_id, place, org, outcome, reason, detail)
select d.event_id, 0, d.org, 'refused', 'unacceptable', $2 from dropped d
returning event_id
