-- Whether the task of a published run was seen waiting, which is no fruitless publish. $1 the run.
select looked_at is not null and rounds = 0 from ready where run_id = $1
