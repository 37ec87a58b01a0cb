"""A served Loki: LogQL over any log storage."""
