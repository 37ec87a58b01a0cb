"""Kubernetes: the client, what its objects look like to detectors, probes that read and actions that change."""
