"""GitHub: deployments, workflow runs, commits, differences, pull requests, and reverting by pull request."""
