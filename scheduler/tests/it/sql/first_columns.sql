-- Each index and the column it is ordered by first; of an expression the first column in it.
select i.relname::text, coalesce(a.attname::text, (regexp_match(pg_get_indexdef(x.indexrelid, 1, true), '[a-z_]+'))[1])
from pg_index x
join pg_class i on i.oid = x.indexrelid
left join pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[0]
where x.indrelid::regclass::text !~ '^(pg_|information_schema)'
