-- What the end of a worker's lease left behind was taken back. $1 the worker.
update workers set struck = null where id = $1
