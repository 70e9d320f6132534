-- What arrived at some webhooks.
with made as (
    insert into webhooks (id, org, name, provider, tolerance_ms)
    select gen_random_uuid(), 'default', 'w' || n, 'stripe', 300000 from generate_series(1, 100) n
    returning id, org
),
signed as (
    insert into webhook_secrets (webhook, id, org, label, hint, secret, retired_at)
    select id, gen_random_uuid(), org, 'l', 'h', case when n = 1 then 's' end, case when n > 1 then now() end
    from made cross join generate_series(1, 10) n
)
insert into deliveries (id, webhook, org, remote, verdict, status, size, headers, secret)
select gen_random_uuid(), id, org, '127.0.0.1', 'ping', 200, 0, '{}', id from made cross join generate_series(1, 200) n;
-- A hundred thousand runs: most have ended, the rest is spread over the places where live runs stand.
insert into workers (id, org, name, host, process, queues, workflows, functions, run_slots, step_slots, free_runs, free_steps,
                     control_applied, beat_at, lease_until, ended_at, end_reason)
select gen_random_uuid(), 'default', 'w', 'h', n, '{default}', '{order}', '{charge}', 100, 10, 100, 10, 0, now(), now() + interval '1 hour',
       case when n % 4 > 0 then now() end, case when n % 4 > 0 then 'left' end
from generate_series(1, 1000) n;
with made as (
    insert into runs (id, org, workflow, queue, seed, input, state, epoch, attempts, attempt, worker, finished_at, result)
    select id, 'default', 'order', 'default', id, '\xc0', state, 1, 1, gen_random_uuid(),
           case when state = 'running' then (select id from workers where ended_at is null limit 1) end,
           case when state = 'completed' then now() end,
           case when state = 'completed' then '\xc0'::bytea end
    from (select gen_random_uuid() as id, case n % 10 when 0 then 'queued' when 1 then 'backlog' when 2 then 'running'
                 when 3 then 'suspended' else 'completed' end as state
          from generate_series(1, 100000) n) n
    returning *
),
readied as (
    insert into ready (run_id, org, queue, epoch, published_at)
    select id, org, queue, epoch, case when state = 'queued' then now() end from made where state in ('queued', 'backlog')
),
holding as (
    insert into held (run_id, worker, attempt) select id, worker, attempt from made where state = 'running'
),
waiting as (
    insert into waits (run_id, step_key, org, kind, name, input, due_at)
    select id, 's#1', org, 'sleep', 'nap', '\xc0', now() + interval '1 day' from made where state = 'suspended'
),
dispatched as (
    insert into dispatches (run_id, step_key, item, org, queue, function, input, terms, worker, hold, held_at, published_at, due_at)
    select id, 'f#' || n, 0, org, queue, 'charge', '\xc0', '\xc0',
           case when n = 1 then (select id from workers where ended_at is null limit 1) end,
           case when n = 1 then gen_random_uuid() end, case when n = 1 then now() end,
           case when n = 2 then now() end, case when n = 3 then now() end
    from made cross join generate_series(1, 4) n where state = 'suspended'
),
batched as (
    insert into batches (run_id, step_key, org, queue, function, terms, max_concurrency, on_failure)
    select id, 'b#1', org, queue, 'charge', '\xc0', 10, 'continue' from made where state = 'suspended'
),
published as (
    insert into events (id, org, name, data, origin) select id, org, 'order.paid', '\xc0', 'published' from made
),
owed as (
    insert into unmatched (event_id, org) select id, org from made where state = 'queued'
),
known as (
    insert into event_keys (org, space, key, event_id, expires_at)
    select org, 'id', id::text, id, now() + interval '1 day' from made
),
listening as (
    insert into triggers (id, org, workflow, source, kind, pattern, input_rule, queue, version)
    select id, org, 'order', 'made', 'event', 'order.*', 'by_name', 'default', 1 from made where state = 'suspended'
),
declaring as (
    insert into trigger_declarations (org, workflow, since) select org, id::text, now() from made where state = 'suspended'
),
matched as (
    insert into event_runs (event_id, place, org, trigger_id, workflow, outcome, run_id)
    select id, 0, org, id, 'order', 'started', id from made
),
keyed as (
    insert into start_keys (org, key, run_id, fingerprint, expires_at)
    select org, id::text, id, '\x00', now() + interval '1 day' from made
)
insert into journal (run_id, step_key, org, kind, name, input, result, own, after, attempt, worker, try_number, started_at, finished_at)
select m.id, 'a#' || n, m.org, 'step', 'charge', '\xc0', '\xc0', n, 0, m.attempt, m.attempt, 1, now(), now()
from made m cross join generate_series(1, 2) n;

insert into schedules (id, org, name, workflow, queue, expression, time_zone, overlap, catch_up, jitter_millis, input, origin, state,
                       next_at, fire_at, waiting_at, last_run)
select ('00000000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, 'default', 's' || n, 'w' || n % 100, 'default', '@daily', 'UTC',
       'allow', 'one', 0, '\xc0', case n % 2 when 0 then 'api' else 'declared' end, 'active',
       now() + n * interval '1 minute', now() + n * interval '1 minute',
       case when n % 100 = 0 then now() end, case when n % 100 = 0 then gen_random_uuid() end
from generate_series(1, 5000) n;
insert into firings (org, schedule_id, occurrence, cause, outcome, run_id, at)
select 'default', ('00000000-0000-7000-9000-' || lpad(to_hex(n % 500 + 1), 12, '0'))::uuid, now() - n * interval '1 minute', 'rhythm',
       'started', gen_random_uuid(), now() - n * interval '1 minute'
from generate_series(1, 20000) n;
