"""Loki: what containers wrote, and what is new in it."""
