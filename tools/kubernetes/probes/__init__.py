"""Read-only questions to the API server, one file each."""
