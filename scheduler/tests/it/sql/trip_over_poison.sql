-- From now on a run of the workflow `poison` trips a fault whose class says nothing of the row.
create function trip_over_poison() returns trigger language plpgsql as $$
begin
    raise exception 'tripped' using errcode = 'XX000';
end
$$;
create trigger trip_over_poison before insert on runs for each row when (new.workflow = 'poison') execute function trip_over_poison();
