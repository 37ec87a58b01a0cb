"""Argo CD's REST API over the world's applications."""
