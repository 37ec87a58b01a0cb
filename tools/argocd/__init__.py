"""Argo CD: applications, their sync and health, their history, and going back in it."""
