-- Notes that somebody had a schedule start a run; noted twice it stands there once. $1 org, $2 schedule, $3 run, $4 when it
-- was accepted.
insert into firings (org, schedule_id, occurrence, cause, outcome, run_id)
values ($1, $2, $4, 'trigger', 'started', $3)
on conflict (schedule_id, run_id) where cause = 'trigger' do nothing
