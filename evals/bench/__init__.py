"""Benchmarks of single parts against what others use for the same."""
