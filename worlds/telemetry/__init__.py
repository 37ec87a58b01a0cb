"""What exporters and collectors see of the estate: metrics and logs, computed from the tape when asked for."""
