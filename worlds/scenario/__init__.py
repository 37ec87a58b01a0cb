"""The scenario format: what an estate is, what happens to it, what is true about it. Values only."""
