-- Events that are owed.
select count(*) from unmatched
