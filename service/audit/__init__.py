"""`midwatch audit ...`: the ledger checked, shown and handed over."""
