-- Each index and the column it is ordered by first.
select i.relname::text, a.attname::text
from pg_index x
join pg_class i on i.oid = x.indexrelid
join pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[0]
where x.indrelid::regclass::text !~ '^(pg_|information_schema)'
