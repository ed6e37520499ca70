"""The worker: a process that sends webhooks and mails, and does what is due at a time. `manage.py work` runs it."""
