"""Estates as they were recorded: served by the same APIs as simulated ones, but nothing moves in them."""
