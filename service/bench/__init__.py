"""Benchmarks: goals are looked at here, never in timed tests.

Each prints ratios and percentiles and runs real processes.
"""
