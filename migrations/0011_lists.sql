-- Lists of runs that are filtered, each on an index of its own: a list costs its page, however many runs there are.
-- No index on runs names a column that changes, so updates of runs stay on their page (HOT).

-- One key of both: no other index can be taken in its place, whatever is known of the table.
create index runs_by_workflow on runs ((org || '/' || workflow), id desc);
create index runs_by_session on runs (org, session, id desc) where session is not null;

-- The tags of a run. Insert only.
create table runs_by_tag (
    org    text not null,
    tag    text not null,
    run_id uuid not null,
    primary key (org, tag, run_id)
);

-- Runs in a state that few runs are in and that a caller searches for. What lives otherwise is found in ready, held, waits,
-- dispatches and batches; most of the others are completed.
create table runs_by_state (
    org    text not null,
    state  text not null check (state in ('parked', 'failed', 'cancelled', 'killed')),
    run_id uuid not null,
    primary key (org, state, run_id)
);

-- Triggers write both tables, so that no statement that changes a run can forget to, and those that neither tag nor park nor
-- fail a run pay for the comparison only.
create function list_run_tags() returns trigger language plpgsql as $$
begin
    insert into runs_by_tag (org, tag, run_id) select new.org, tag, new.id from unnest(new.tags) tag on conflict do nothing;
    return null;
end $$;
create trigger list_run_tags after insert on runs
    for each row when (new.tags <> '{}') execute function list_run_tags();

create function list_run_state() returns trigger language plpgsql as $$
begin
    if old.state in ('parked', 'failed', 'cancelled', 'killed') then
        delete from runs_by_state where org = old.org and state = old.state and run_id = old.id;
    end if;
    if new.state in ('parked', 'failed', 'cancelled', 'killed') then
        insert into runs_by_state (org, state, run_id) values (new.org, new.state, new.id);
    end if;
    return null;
end $$;
create trigger list_run_state after update of state on runs
    for each row when (old.state <> new.state
        and (old.state in ('parked', 'failed', 'cancelled', 'killed') or new.state in ('parked', 'failed', 'cancelled', 'killed')))
    execute function list_run_state();

-- The triggers hold off every writer of runs until this commits, so no run is missed between them and here.
insert into runs_by_tag (org, tag, run_id) select distinct org, tag, id from runs, unnest(tags) tag where tags <> '{}';
insert into runs_by_state (org, state, run_id)
select org, state, id from runs where state in ('parked', 'failed', 'cancelled', 'killed');
