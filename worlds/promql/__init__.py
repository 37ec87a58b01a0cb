"""PromQL, evaluated over an abstract storage."""
