"""Changes, one per file. Only the executor reaches these."""
