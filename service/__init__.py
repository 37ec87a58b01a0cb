"""The process: roles, the web service, the Slack app, workers, telemetry and the command line."""
