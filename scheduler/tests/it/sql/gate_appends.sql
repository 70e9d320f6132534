-- From now on the hot append waits at a gate for every run that it is about to lock: its snapshot is older than that.
do $$
begin
    create function gate() returns boolean volatile language plpgsql as $gate$
    begin
        if starts_with(current_query(), '-- The hot append') then
            perform pg_advisory_xact_lock_shared(1);
        end if;
        return true;
    end
    $gate$;
    alter table runs rename to runs_behind;
    create view runs as select * from runs_behind where gate();
end
$$
