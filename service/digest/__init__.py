"""What a period was like, in a few lines: for the console's page, for `midwatch digest`, for whoever posts it."""
