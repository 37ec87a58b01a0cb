"""Runs a handled incident again from its export, and says what would be different."""
