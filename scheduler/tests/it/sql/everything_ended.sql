select not exists (select 1 from runs where finished_at is null)
