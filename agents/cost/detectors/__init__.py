"""Facts about cost, one idea per file."""
