"""GitHub's REST API v3 over the world's repositories."""
