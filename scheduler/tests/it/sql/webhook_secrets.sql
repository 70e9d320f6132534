select secret from webhook_secrets order by id
