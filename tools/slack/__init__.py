"""Slack: the client. Cards, buttons and words are `service.slack`."""
