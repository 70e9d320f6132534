-- What starts the workflow was declared two minutes ago. $1 workflow.
with triggers as (
    update trigger_declarations set declared_at = now() - interval '2 minutes' where workflow = $1
)
update schedule_declarations set declared_at = now() - interval '2 minutes' where workflow = $1
