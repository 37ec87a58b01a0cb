"""Runs cases: one investigation without a database, one episode in a closed loop, many of either side by side."""
