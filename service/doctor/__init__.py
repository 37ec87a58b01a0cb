"""Checks of every connection and permission, and what they mean for Midwatch. It looks and changes nothing."""
