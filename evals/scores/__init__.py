"""What cases are scored by, and how sure a figure is."""
