-- Says that the transaction of a look is still wanted, while nothing is asked of it.
select 1
