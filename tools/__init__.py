"""Touching the outside: one folder per system with its client, its read-only probes and its actions."""
