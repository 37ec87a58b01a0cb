"""The Kubernetes API over HTTP: what an unmodified client needs to list, watch, change and read logs."""
