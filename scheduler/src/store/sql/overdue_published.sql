-- Published longer ago than its patience, which doubles with each fruitless publish. A task that was seen waiting in its stream is
-- looked at again after eight times the patience. $1 patience in microseconds, $2 rows.
select d.run_id, d.org, d.queue, d.build, d.epoch
from ready d
where d.published_at < statement_timestamp() - $1 * interval '1 microsecond'
  and case when d.looked_at is null
           then d.published_at < statement_timestamp() - $1 * power(2, least(d.rounds, 7)) * interval '1 microsecond'
           else d.looked_at < statement_timestamp() - $1 * 8 * interval '1 microsecond' end
order by d.published_at
limit $2
