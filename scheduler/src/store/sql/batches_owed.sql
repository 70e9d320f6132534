-- A page of batches that go on, or were closed while something of them was under way, and whether they may be owed
-- something: a release, their end, or that what they had under way is dropped.
-- $1 the last run known, $2 its key, $3 rows looked at. The last row says how far the look came.
select b.run_id, b.step_key,
       (b.finished_at is not null
        or (b.released - b.completed - b.failed < b.max_concurrency and b.released < b.total and b.stopped_at is null)
        or (b.released = b.completed + b.failed
            and (b.stopped_at is not null or (b.sealed_at is not null and b.released = b.total)))) as owed
from batches b
where b.settled_at is null and (b.run_id, b.step_key) > ($1, $2)
order by b.run_id, b.step_key
limit $3
