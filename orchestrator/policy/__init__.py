"""The policy matrix: loading it from YAML, and the one that comes with Midwatch (`default.yaml`)."""
