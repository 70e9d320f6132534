select count(*) from workers where ended_at is not null
