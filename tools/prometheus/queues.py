"""Queues by the metrics under which clients and exporters report how much waits in them."""

QUEUES = (
    "kafka_consumergroup_lag",
    "kafka_consumer_records_lag_max",
    "rabbitmq_queue_messages_ready",
    "celery_queue_length",
    "sidekiq_queue_size",
    "queue_depth",
    "queue_size",
    "workqueue_depth",
)
"""Well-known names. Each counts entries that wait."""

PACE_SECONDS = 180
"""Seconds over which a queue grows or shrinks: enough samples of slow exporters, and soon past a change."""
_HARDLY_SHRINKS = 1e-6
"""Entries per second: what does not even shrink like this is never worked off."""


def backlog_hours(metric: str, selector: str) -> str:
    """PromQL: hours until what waits is worked off at the present pace; 0 when nothing waits, huge while it grows."""
    series = f"{metric}{{{selector}}}"
    pace = f"clamp_min(-1 * sum(deriv({series}[{PACE_SECONDS}s])), {_HARDLY_SHRINKS})"
    return f"sum({series}) / {pace} / 3600"
