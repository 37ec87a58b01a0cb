"""Typed changes, one file each. Only the executor may import them."""
