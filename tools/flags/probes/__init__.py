"""What is asked of a flag service."""
