"""Read-only questions, one per file."""
