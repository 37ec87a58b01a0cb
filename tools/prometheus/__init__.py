"""Prometheus and what speaks its API (Thanos, Mimir, VictoriaMetrics): its client, probes and named measures."""
