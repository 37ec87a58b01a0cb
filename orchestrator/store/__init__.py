"""What Midwatch remembers, in PostgreSQL: one file per aggregate.

Domain values in, domain values out; rows stay here.
"""
