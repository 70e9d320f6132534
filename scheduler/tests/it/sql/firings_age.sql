-- What schedules fired was fired so many days ago. $1 days.
update firings set at = at - $1 * interval '1 day'
