-- The time that a transaction's statements see.
select now()
