-- What is declared of a workflow, in its order. $1 org, $2 workflow.
select t.* from triggers t where t.org = $1 and t.workflow = $2 and t.place is not null order by t.place
