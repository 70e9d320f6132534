-- The org of a worker, whether it lives or has ended: it never changes. $1 the worker.
select org from workers where id = $1
