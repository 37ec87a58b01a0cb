"""What people and machines reach over HTTP: the webhook, the JSON API, the console."""
