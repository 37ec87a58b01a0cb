"""The knowledge: runbooks read from folders of markdown, linted, and matched to alerts and facts."""
