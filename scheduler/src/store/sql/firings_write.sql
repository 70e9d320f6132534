-- Writes what became of occurrences. One array a column.
insert into firings (org, schedule_id, occurrence, cause, outcome, run_id, count, first_at, reason)
select a.org, a.schedule_id, a.occurrence, 'rhythm', a.outcome, a.run_id, a.count, a.first_at, a.reason
from unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::text[], $5::uuid[], $6::integer[], $7::timestamptz[], $8::text[])
    with ordinality as a (org, schedule_id, occurrence, outcome, run_id, count, first_at, reason, place)
order by a.place
