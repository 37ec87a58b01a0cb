"""Facts about changes, one kind or one family of kinds per file."""
