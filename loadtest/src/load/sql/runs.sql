-- The runs that there are, asked without Piton.
select json_build_object(
    'there', count(*),
    'completed', count(*) filter (where state = 'completed'),
    'unfinished', count(*) filter (where finished_at is null)
)
from runs;
