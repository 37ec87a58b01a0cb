"""A flag service of the estate."""
