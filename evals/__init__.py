"""Scenarios, the harness that plays them, scorers, datasets, replay and reports."""
