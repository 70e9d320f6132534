-- Nothing is owed.
delete from unmatched
