"""Open Policy Agent: an organisation's own policy server, asked before anything is proposed or run."""
