"""Which effect of a change can bring about which way to fail, and how telling that is (0..1). Data, argued in general.

1 is what a person names first when asked what such a change breaks; 0.3 is what it may break in the worst case.
"""

from collections.abc import Mapping

from agents.cicd.reasoning.effect import Effect
from agents.cicd.reasoning.modes import Mode

CAN_BREAK: Mapping[Effect, Mapping[Mode, float]] = {
    Effect.GUARD_REMOVED: {Mode.NULL: 1.0, Mode.STARTUP: 0.5, Mode.ABSENT: 0.3, Mode.FORMAT: 0.4, Mode.ERRORS: 0.3},
    Effect.ERROR_HANDLING_REMOVED: {Mode.NULL: 0.7, Mode.STARTUP: 0.6, Mode.ERRORS: 0.4, Mode.FORMAT: 0.4},
    Effect.LOCK_REMOVED: {Mode.RACE: 1.0, Mode.LOAD_BELOW: 0.6, Mode.NULL: 0.4, Mode.WRONG: 0.7, Mode.DEADLOCK: 0.3},
    Effect.LOCK_ADDED: {
        Mode.DEADLOCK: 1.0, Mode.SLOW: 0.6, Mode.TIMEOUT: 0.6, Mode.POOL: 0.6, Mode.THREADS: 0.6, Mode.LAG: 0.4,
    },
    Effect.SETUP_REMOVED: {
        Mode.ABSENT: 1.0, Mode.ROUTE: 0.9, Mode.NULL: 0.6, Mode.CONFIG: 0.6, Mode.STARTUP: 0.6, Mode.SCHEMA: 0.5,
        Mode.ERRORS: 0.4, Mode.LAG: 0.5, Mode.REFUSED: 0.3,
    },
    Effect.RELEASE_REMOVED: {
        Mode.POOL: 1.0, Mode.FILES: 1.0, Mode.MEMORY: 0.9, Mode.THREADS: 0.6, Mode.DEADLOCK: 0.6, Mode.DISK: 0.7,
        Mode.LAG: 0.7, Mode.SLOW: 0.4, Mode.TIMEOUT: 0.5, Mode.WRONG: 0.5,
    },
    Effect.GROWTH_ADDED: {Mode.MEMORY: 1.0, Mode.CPU: 0.3, Mode.SLOW: 0.3},
    Effect.CALL_REMOVED: {Mode.ABSENT: 0.5, Mode.WRONG: 0.5, Mode.AUTH: 0.4, Mode.LAG: 0.3, Mode.ERRORS: 0.3},
    Effect.QUERY_PER_ITEM: {
        Mode.LOAD_BELOW: 1.0, Mode.SLOW: 0.9, Mode.TIMEOUT: 0.7, Mode.POOL: 0.8, Mode.RATE_LIMITED: 0.8, Mode.CPU: 0.3,
    },
    Effect.QUERY_ADDED: {
        Mode.SCHEMA: 0.7, Mode.LOAD_BELOW: 0.7, Mode.SLOW: 0.5, Mode.TIMEOUT: 0.4, Mode.POOL: 0.5,
        Mode.RATE_LIMITED: 0.6, Mode.PERMISSION: 0.4,
    },
    Effect.QUERY_UNBOUNDED: {
        Mode.SLOW: 1.0, Mode.TIMEOUT: 0.8, Mode.POOL: 0.7, Mode.MEMORY: 0.8, Mode.CPU: 0.8, Mode.LOAD_BELOW: 0.6,
        Mode.DEADLOCK: 0.4,
    },
    Effect.SCHEMA_CHANGED: {Mode.SCHEMA: 1.0, Mode.FORMAT: 0.7, Mode.ABSENT: 0.6, Mode.WRONG: 0.5, Mode.ERRORS: 0.4},
    Effect.NAME_CHANGED: {
        Mode.SCHEMA: 0.8, Mode.CONFIG: 0.9, Mode.ROUTE: 0.9, Mode.FORMAT: 0.8, Mode.ABSENT: 0.8, Mode.NULL: 0.5,
        Mode.AUTH: 0.4, Mode.WRONG: 0.6, Mode.LAG: 0.5, Mode.ERRORS: 0.4, Mode.STARTUP: 0.4,
    },
    Effect.FORMAT_CHANGED: {
        Mode.FORMAT: 1.0, Mode.SCHEMA: 0.5, Mode.WRONG: 0.8, Mode.TIME: 0.6, Mode.NULL: 0.3, Mode.ERRORS: 0.3,
    },
    Effect.TIMEOUT_LOWERED: {
        Mode.TIMEOUT: 1.0, Mode.CANCELLED: 1.0, Mode.RETRIES: 0.6, Mode.LAG: 0.6, Mode.WRONG: 0.4, Mode.ERRORS: 0.3,
    },
    Effect.TIMEOUT_RAISED: {Mode.THREADS: 0.9, Mode.POOL: 0.9, Mode.SLOW: 0.7, Mode.LAG: 0.5, Mode.TIMEOUT: 0.3},
    Effect.RETRIES_RAISED: {
        Mode.RETRIES: 1.0, Mode.LOAD_BELOW: 0.9, Mode.RATE_LIMITED: 0.9, Mode.SURGE: 0.7, Mode.SLOW: 0.5,
        Mode.TIMEOUT: 0.5, Mode.POOL: 0.5, Mode.CPU: 0.4, Mode.WRONG: 0.3,
    },
    Effect.POOL_LOWERED: {Mode.POOL: 1.0, Mode.SLOW: 0.7, Mode.TIMEOUT: 0.7, Mode.THREADS: 0.6, Mode.REFUSED: 0.3},
    Effect.POOL_RAISED: {Mode.POOL: 0.8, Mode.MEMORY: 0.3, Mode.REFUSED: 0.3},
    Effect.CONCURRENCY_LOWERED: {Mode.THREADS: 1.0, Mode.LAG: 1.0, Mode.SLOW: 0.8, Mode.TIMEOUT: 0.6, Mode.POOL: 0.5},
    Effect.CONCURRENCY_RAISED: {
        Mode.POOL: 0.8, Mode.LOAD_BELOW: 0.7, Mode.RATE_LIMITED: 0.8, Mode.CPU: 0.7, Mode.MEMORY: 0.7, Mode.RACE: 0.5,
        Mode.DEADLOCK: 0.5, Mode.TIMEOUT: 0.4, Mode.SLOW: 0.4,
    },
    Effect.LIMIT_LOWERED: {
        Mode.RATE_LIMITED: 1.0, Mode.LAG: 0.5, Mode.FORMAT: 0.4, Mode.THREADS: 0.5, Mode.ERRORS: 0.4,
    },
    Effect.LIMIT_RAISED: {Mode.MEMORY: 0.7, Mode.RATE_LIMITED: 0.7, Mode.LOAD_BELOW: 0.7, Mode.CPU: 0.5, Mode.SLOW: 0.5,
                          Mode.RETRIES: 0.5, Mode.THREADS: 0.4},
    Effect.BATCH_CHANGED: {Mode.LAG: 0.8, Mode.MEMORY: 0.8, Mode.SLOW: 0.5, Mode.TIMEOUT: 0.6, Mode.LOAD_BELOW: 0.5},
    Effect.MEMORY_LOWERED: {Mode.MEMORY: 1.0, Mode.CPU: 0.8, Mode.STARTUP: 0.4},
    Effect.MEMORY_RAISED: {Mode.MEMORY: 0.8},
    Effect.CACHE_WEAKENED: {
        Mode.CACHE_MISSES: 1.0, Mode.LOAD_BELOW: 1.0, Mode.SLOW: 0.8, Mode.TIMEOUT: 0.7, Mode.POOL: 0.7, Mode.CPU: 0.5,
        Mode.RATE_LIMITED: 0.6,
    },
    Effect.CACHE_RAISED: {Mode.MEMORY: 0.9, Mode.WRONG: 0.7},
    Effect.LOG_VOLUME_RAISED: {Mode.DISK: 1.0, Mode.LOGS: 1.0, Mode.CPU: 0.3, Mode.SLOW: 0.3},
    Effect.BLOCKING_ADDED: {Mode.SLOW: 0.8, Mode.CPU: 0.8, Mode.THREADS: 0.8, Mode.TIMEOUT: 0.6},
    Effect.COSTLY_PATTERN: {Mode.CPU: 1.0, Mode.SLOW: 0.9, Mode.TIMEOUT: 0.7, Mode.THREADS: 0.6},
    Effect.DEPENDENCY_MAJOR: {
        Mode.STARTUP: 0.8, Mode.FORMAT: 0.6, Mode.ABSENT: 0.7, Mode.SCHEMA: 0.4, Mode.NULL: 0.4, Mode.TLS: 0.4,
        Mode.MEMORY: 0.4, Mode.SLOW: 0.3, Mode.ERRORS: 0.3,
    },
    Effect.DEPENDENCY_MINOR: {
        Mode.STARTUP: 0.5, Mode.FORMAT: 0.4, Mode.ABSENT: 0.4, Mode.SCHEMA: 0.3, Mode.NULL: 0.2, Mode.TLS: 0.2,
        Mode.MEMORY: 0.3,
    },
    Effect.DEPENDENCY_PATCH: {Mode.STARTUP: 0.2, Mode.FORMAT: 0.1, Mode.ABSENT: 0.1, Mode.MEMORY: 0.1},
    Effect.IMAGE_CHANGED: {
        Mode.STARTUP: 0.6, Mode.PERMISSION: 0.6, Mode.TLS: 0.6, Mode.CONFIG: 0.4, Mode.TIME: 0.4, Mode.DNS: 0.3,
    },
    Effect.ADDRESS_CHANGED: {
        Mode.REFUSED: 1.0, Mode.DNS: 1.0, Mode.TIMEOUT: 0.7, Mode.ROUTE: 0.8, Mode.ABSENT: 0.5, Mode.AUTH: 0.5,
        Mode.TLS: 0.5, Mode.LAG: 0.5, Mode.CONFIG: 0.4, Mode.ERRORS: 0.3,
    },
    Effect.CREDENTIAL_CHANGED: {Mode.AUTH: 1.0, Mode.PERMISSION: 0.7, Mode.CONFIG: 0.4, Mode.TLS: 0.3},
    Effect.PERMISSION_CHANGED: {Mode.PERMISSION: 1.0, Mode.AUTH: 0.6},
    Effect.TRUST_CHANGED: {Mode.TLS: 1.0, Mode.REFUSED: 0.3, Mode.CERTIFICATE: 0.1},
    Effect.TIME_CHANGED: {Mode.TIME: 1.0, Mode.AUTH: 0.7, Mode.WRONG: 0.7, Mode.FORMAT: 0.6},
    Effect.FLAG_CHANGED: {Mode.ERRORS: 0.6, Mode.SLOW: 0.5, Mode.ABSENT: 0.6, Mode.LOGS: 0.5, Mode.WRONG: 0.5,
                          Mode.SCHEMA: 0.5,
                          Mode.CACHE_MISSES: 0.4, Mode.AUTH: 0.3},
    Effect.SETTING_CHANGED: {Mode.CONFIG: 0.7, Mode.ERRORS: 0.3, Mode.LAG: 0.3, Mode.SLOW: 0.2, Mode.STARTUP: 0.4},
    Effect.LOGIC: {Mode.WRONG: 0.6, Mode.ERRORS: 0.3, Mode.NULL: 0.3, Mode.ABSENT: 0.2, Mode.FORMAT: 0.3,
                   Mode.SLOW: 0.2,
                   Mode.CPU: 0.3, Mode.LAG: 0.3, Mode.AUTH: 0.3, Mode.ROUTE: 0.3},
}  # fmt: skip


FAULTS: Mapping[str, frozenset[Effect]] = {
    "guard": frozenset({Effect.GUARD_REMOVED, Effect.ERROR_HANDLING_REMOVED}),
    "race": frozenset({Effect.LOCK_REMOVED}),
    "lock": frozenset({Effect.LOCK_ADDED}),
    "setup": frozenset({Effect.SETUP_REMOVED, Effect.CALL_REMOVED}),
    "leak": frozenset({Effect.RELEASE_REMOVED, Effect.GROWTH_ADDED, Effect.CACHE_RAISED, Effect.MEMORY_RAISED}),
    "query": frozenset({Effect.QUERY_PER_ITEM, Effect.QUERY_ADDED, Effect.QUERY_UNBOUNDED}),
    "schema": frozenset({Effect.SCHEMA_CHANGED}),
    "contract": frozenset({Effect.NAME_CHANGED, Effect.FORMAT_CHANGED}),
    "timeout": frozenset({Effect.TIMEOUT_LOWERED, Effect.TIMEOUT_RAISED}),
    "retries": frozenset({Effect.RETRIES_RAISED}),
    "capacity": frozenset({
        Effect.POOL_LOWERED, Effect.POOL_RAISED, Effect.CONCURRENCY_LOWERED, Effect.CONCURRENCY_RAISED,
        Effect.LIMIT_LOWERED, Effect.LIMIT_RAISED, Effect.BATCH_CHANGED, Effect.MEMORY_LOWERED,
    }),
    "cache": frozenset({Effect.CACHE_WEAKENED}),
    "logging": frozenset({Effect.LOG_VOLUME_RAISED}),
    "cost": frozenset({Effect.BLOCKING_ADDED, Effect.COSTLY_PATTERN}),
    "dependency": frozenset({
        Effect.DEPENDENCY_MAJOR, Effect.DEPENDENCY_MINOR, Effect.DEPENDENCY_PATCH, Effect.IMAGE_CHANGED,
    }),
    "setting": frozenset({
        Effect.ADDRESS_CHANGED, Effect.CREDENTIAL_CHANGED, Effect.PERMISSION_CHANGED, Effect.TRUST_CHANGED,
        Effect.TIME_CHANGED, Effect.FLAG_CHANGED, Effect.SETTING_CHANGED,
    }),
    "logic": frozenset({Effect.LOGIC}),
}  # fmt: skip


def fault_of(effect: Effect, mode: Mode) -> str:
    """The group that an effect belongs to. A query for what is not there is a matter of schema, not of cost."""
    if effect is Effect.QUERY_ADDED and mode is Mode.SCHEMA:
        return "schema"
    return next(name for name, effects in FAULTS.items() if effect in effects)
