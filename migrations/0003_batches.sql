-- Batches that are runs of their own, and batches that were closed while something of them was under way.

-- What the end of a batch ends: the call of a workflow, or a run that is nothing but this batch and that no worker holds.
alter table batches
    add column ends text not null default 'call',
    add constraint ends_is_known check (ends in ('call', 'run')),
    -- When nothing of it stood in dispatches any more: what closes a batch cannot always see what it has under way, and
    -- owes a look until then.
    add column settled_at timestamptz,
    add constraint only_what_ended_is_settled check (settled_at is null or finished_at is not null);
drop index batches_running;
create index batches_unsettled on batches (run_id, step_key) where settled_at is null;

-- An item keeps its name where it stands.
alter table batch_results drop column id;

-- A run that is nothing but a batch waits from its beginning, and nobody ever claims it.
alter table runs
    drop constraint suspended_began,
    add constraint suspended_began check (state <> 'suspended' or attempts > 0 or workflow = 'piton.batch');
