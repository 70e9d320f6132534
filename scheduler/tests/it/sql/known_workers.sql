-- Every worker that has a row.
select id from workers order by id
