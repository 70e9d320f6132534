-- As a migration does that adds something to every table.
do $$ declare one record; begin
    for one in select oid::regclass as name from pg_class
               where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not like '\_%' loop
        execute format('alter table %s add column added_later text', one.name);
    end loop;
end $$
