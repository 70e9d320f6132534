-- Writes down what came of events. $1–$9 one array a column.
insert into event_runs (event_id, place, org, trigger_id, workflow, outcome, run_id, reason, detail)
select a.event_id, a.place, a.org, a.trigger_id, a.workflow, a.outcome, a.run_id, a.reason, a.detail
from unnest($1::uuid[], $2::int[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::text[])
    as a (event_id, place, org, trigger_id, workflow, outcome, run_id, reason, detail)
