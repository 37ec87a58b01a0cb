"""Slack: cards, threads, buttons and commands. What is decided and stored is the orchestrator's business."""
