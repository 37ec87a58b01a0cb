"""What providers outside say about themselves. Spoken to in the public API of Statuspage."""
