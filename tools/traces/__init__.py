"""Traces: what single requests did, span by span. Spoken to in the API of Grafana Tempo."""
