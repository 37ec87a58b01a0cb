"""The simulated estate: manifests, request flow, memory, what breaks and what heals. No HTTP."""
