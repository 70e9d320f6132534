-- Whoever reads a webhook waits from now on.
lock table webhooks in access exclusive mode
