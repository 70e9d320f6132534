-- Runs by workflow.
select workflow, count(*) from runs group by workflow order by workflow
