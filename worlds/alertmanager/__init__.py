"""A served Alertmanager: routing, grouping, silences, the v2 API and the webhook."""
