"""`midwatch policy ...` and `midwatch people ...`: check, test and explain who may do what."""
