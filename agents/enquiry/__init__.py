"""Answers to questions about a service that need no incident: one file per question, by code, with their sources."""
