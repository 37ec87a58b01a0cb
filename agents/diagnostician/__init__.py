"""The rule engine's argument: causes bound to entities, weighed by facts, time order, topology and recent change."""
