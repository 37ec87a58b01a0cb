"""The graph of an incident and what makes it durable: settings, intake, decisions, executor, store, jobs, ledger."""
