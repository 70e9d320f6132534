-- The task lies undelivered in its stream: only look again later. $1 runs, $2 epochs.
update ready d
set rounds = least(d.rounds + 1, 7)
from unnest($1::uuid[], $2::int[]) as s (run_id, epoch)
where d.run_id = s.run_id and d.epoch = s.epoch and d.published_at is not null
