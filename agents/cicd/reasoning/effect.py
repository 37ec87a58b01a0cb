"""What a difference does to the running program, in kinds that can be held against what fails."""

from enum import StrEnum

from incidents.value import Value


class Effect(StrEnum):
    """Kinds of effects. What a diff does beyond these kinds is `logic`."""

    GUARD_REMOVED = "guard_removed"
    """A check for what may be missing (null, empty, absent key) is gone."""
    ERROR_HANDLING_REMOVED = "error_handling_removed"
    """An error is no longer caught, looked at or passed on."""
    LOCK_REMOVED = "lock_removed"
    """Shared state is no longer guarded, or an order no longer kept."""
    LOCK_ADDED = "lock_added"
    """More waiting for each other: a lock, a transaction that is held longer, a table that is locked."""
    SETUP_REMOVED = "setup_removed"
    """Something is no longer registered, initialised, loaded or started."""
    RELEASE_REMOVED = "release_removed"
    """Something is no longer closed, released, evicted or cancelled."""
    GROWTH_ADDED = "growth_added"
    """Something is kept that nothing bounds."""
    CALL_REMOVED = "call_removed"
    """A call that did something is gone."""
    QUERY_PER_ITEM = "query_per_item"
    """A remote call or query is made in a loop."""
    QUERY_ADDED = "query_added"
    """A new query, table or remote call."""
    QUERY_UNBOUNDED = "query_unbounded"
    """An index, limit or condition of a query is gone, or a pattern that costs much was put in."""
    SCHEMA_CHANGED = "schema_changed"
    """Tables, columns, mappings or indices have another form."""
    NAME_CHANGED = "name_changed"
    """A name on which others rely differs: a field, key, route, topic, header, variable."""
    FORMAT_CHANGED = "format_changed"
    """Data is encoded, parsed, rounded or typed in another way."""
    TIMEOUT_LOWERED = "timeout_lowered"
    TIMEOUT_RAISED = "timeout_raised"
    RETRIES_RAISED = "retries_raised"
    """More attempts, sooner, or without an end."""
    POOL_LOWERED = "pool_lowered"
    POOL_RAISED = "pool_raised"
    CONCURRENCY_LOWERED = "concurrency_lowered"
    CONCURRENCY_RAISED = "concurrency_raised"
    LIMIT_LOWERED = "limit_lowered"
    """A rate, quota or size that is let through is smaller."""
    LIMIT_RAISED = "limit_raised"
    """Larger, or gone."""
    BATCH_CHANGED = "batch_changed"
    MEMORY_LOWERED = "memory_lowered"
    MEMORY_RAISED = "memory_raised"
    """Buffers or heaps ask for more."""
    CACHE_WEAKENED = "cache_weakened"
    """A cache is gone, shorter, bypassed, or keyed so that it seldom hits."""
    CACHE_RAISED = "cache_raised"
    """A cache keeps more or for longer."""
    LOG_VOLUME_RAISED = "log_volume_raised"
    BLOCKING_ADDED = "blocking_added"
    """Work that makes a thread wait or compute was put on the way of requests."""
    COSTLY_PATTERN = "costly_pattern"
    """A regular expression that can backtrack without end."""
    DEPENDENCY_MAJOR = "dependency_major"
    DEPENDENCY_MINOR = "dependency_minor"
    DEPENDENCY_PATCH = "dependency_patch"
    IMAGE_CHANGED = "image_changed"
    ADDRESS_CHANGED = "address_changed"
    """A host, port, URL, bucket, queue or database differs."""
    CREDENTIAL_CHANGED = "credential_changed"
    """Which secret, key, audience or account is used, or how it is checked."""
    PERMISSION_CHANGED = "permission_changed"
    TRUST_CHANGED = "trust_changed"
    """Certificates, authorities, protocol versions or their verification."""
    TIME_CHANGED = "time_changed"
    """Clock, time zone, expiry."""
    FLAG_CHANGED = "flag_changed"
    """A switch has another position."""
    SETTING_CHANGED = "setting_changed"
    """Another value of a setting of no known sort."""
    LOGIC = "logic"
    """A condition, result or calculation differs."""


class Done(Value):
    """One effect of one commit."""

    effect: Effect
    path: str
    words: str
    """As a sentence says it: `lowers a time-out from 5 s to 300 ms`."""
    names: tuple[str, ...] = ()
    """Identifiers and literals that it is about, as they stand in the code."""
    before: float | None = None
    after: float | None = None
    """Of a number that changed; seconds for durations."""
    sure: float = 1.0
    """How sure the reading is, 0..1."""
