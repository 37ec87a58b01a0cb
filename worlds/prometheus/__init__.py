"""A served Prometheus: its HTTP API and its alerting rules, over any storage."""
