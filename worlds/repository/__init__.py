"""Git repositories in memory, and how changes get from them into the cluster."""
