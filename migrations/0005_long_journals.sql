-- A page of a long journal costs a page: readers find own rows by their number. Of the first 32 rows of a run there is
-- no entry, so that the many short runs are appended as cheaply as before; those rows are found among all of the run's.
create index journal_long on journal (run_id, own) where own > 32;
