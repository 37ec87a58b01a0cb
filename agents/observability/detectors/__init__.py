"""Facts out of telemetry, one idea per file."""
