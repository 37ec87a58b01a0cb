"""`midwatch eval ...` and `midwatch replay`."""
