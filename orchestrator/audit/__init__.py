"""What makes the ledger worth something to a stranger: keys, signed heads, checks of them, and evidence packs."""
