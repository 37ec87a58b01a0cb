"""Tickets: what they say, and the sender that files them."""
