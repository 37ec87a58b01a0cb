"""Read-only questions to Prometheus, one per file."""
