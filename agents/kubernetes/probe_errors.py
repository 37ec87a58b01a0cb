"""What a failing probe says, from the kubelet's `Unhealthy` events of several versions. Pure."""

import re

from incidents.value import Value

KINDS = {"Liveness": "liveness", "Readiness": "readiness", "Startup": "startup"}
_HEAD = re.compile(r"^(?P<kind>Liveness|Readiness|Startup) probe (?:failed|errored|warning)")
_STATUS = re.compile(r"statuscode: (?P<status>\d{3})")
_URL = re.compile(r'Get "?https?://[^/\s"]*?:(?P<port>\d+)(?P<path>/[^\s"]*)?')
_DIAL = re.compile(r"dial tcp \S*?:(?P<port>\d+):")
_CLASSES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        ("http_status", r"statuscode: \d{3}"),
        ("refused", r"connection refused"),
        (
            "timeout",
            (
                r"Client\.Timeout|deadline ?exceeded|i/o timeout|timed out|timeout: (?:failed to connect|health rpc)"
                r"|command .* timed out|timeout"
            ),
        ),
        (
            "protocol",
            (
                r"malformed HTTP|HTTP response to HTTPS client|tls:|x509|EOF|connection reset|unexpected status line"
                r"|does not implement the grpc health|unknown service grpc\.health"
            ),
        ),
        ("not_serving", r"NOT_SERVING|service unhealthy"),
        ("unreachable", r"no route to host|network is unreachable|host is down"),
    )
)


class ProbeError(Value):
    """One probe failure in words of its own."""

    probe: str
    """liveness, readiness or startup."""
    reason: str
    """refused, timeout, http_status, protocol, not_serving, unreachable or command."""
    status: int | None = None
    port: int | None = None
    path: str | None = None


def probe_error(message: str) -> ProbeError | None:
    """Read an `Unhealthy` message; None when it is none of a probe."""
    head = _HEAD.match(message)
    if head is None:
        return None
    status, url, dial = _STATUS.search(message), _URL.search(message), _DIAL.search(message)
    place = url or dial
    return ProbeError(
        probe=KINDS[head["kind"]],
        reason=next((reason for reason, pattern in _CLASSES if pattern.search(message)), "command"),
        status=int(status["status"]) if status else None,
        port=int(place["port"]) if place else None,
        path=url["path"] if url else None,
    )
