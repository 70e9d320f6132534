-- Workers whose lease is over by the database's clock. $1 rows.
select id from workers where ended_at is null and lease_until < clock_timestamp() order by lease_until limit $1
