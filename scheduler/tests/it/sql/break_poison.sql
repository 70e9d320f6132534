-- From now on whoever writes a run of the workflow `poison` fails, and nothing says that it is for a value.
create function break_poison() returns trigger language plpgsql as $$
begin
    raise exception 'no class of errors that anybody knows' using errcode = 'ZZ001';
end $$;
create trigger break_poison before insert on runs for each row when (new.workflow = 'poison') execute function break_poison();
