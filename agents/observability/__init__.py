"""What metrics, logs and traces say: requests, errors, latency, use, dependencies, and since when."""
