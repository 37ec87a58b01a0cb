"""Reading log lines: what kind of failure, and whom they name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.observability.error_class import ErrorClass, read_error

LINES = [
    ("dial tcp 10.0.3.17:5432: connect: connection refused", "connection_refused", "10.0.3.17:5432"),
    ("Call to payments failed: connection reset by peer", "connection_refused", "payments"),
    ("call api.cards.example:443: connection reset by peer", "connection_refused", "api.cards.example:443"),
    ("read tcp 10.2.0.9:41234: connection reset by peer: connection reset by peer", "connection_refused", None),
    ("connect ECONNREFUSED redis.shop.svc:6379", "connection_refused", "redis.shop.svc:6379"),
    ("rpc error: code = Unavailable desc = connection error", "connection_refused", None),
    (
        'Post "http://payments.shop.svc.cluster.local:8080/pay": context deadline exceeded',
        "timeout",
        "payments.shop.svc.cluster.local:8080",
    ),
    ("Read timed out. (read timeout=2)", "timeout", None),
    ("dial tcp: lookup orders-db on 10.96.0.10:53: no such host", "dns", "orders-db"),
    (
        "dial tcp: lookup orders-db on 10.96.0.10:53: read udp 10.1.2.3:4431->10.96.0.10:53: connection refused",
        "dns",
        "orders-db",
    ),
    ("getaddrinfo ENOTFOUND cache.shop", "dns", "cache.shop"),
    ('could not translate host name "orders-db" to address', "dns", "orders-db"),
    ("x509: certificate has expired or is not yet valid", "tls", None),
    ('FATAL: password authentication failed for user "app"', "auth", None),
    ("open /data/x: permission denied", "permission", None),
    ("write /data/wal: no space left on device", "disk_full", None),
    ("OSError: [Errno 30] Read-only file system: '/data'", "readonly", None),
    ("java.lang.OutOfMemoryError: Java heap space", "oom", None),
    ("accept4: too many open files", "too_many_files", None),
    ("FATAL: remaining connection slots are reserved", "pool_exhausted", None),
    ("HikariPool-1 - Connection is not available, connection pool is full", "pool_exhausted", None),
    ("HikariPool-1 - Connection is not available, request timed out after 30000ms.", "pool_exhausted", None),
    ("listen tcp :8080: bind: error: address already in use", "port_in_use", None),
    ("APPLICATION FAILED TO START: Port 8080 was already in use.", "port_in_use", None),
    ("SQLException: The MySQL server is running with the --super-read-only option", "readonly", None),
    ("CommunicationsException: Communications link failure", "connection_refused", None),
    ("Request rejected: thread pool exhausted (active=200, queued=100)", "threads_exhausted", None),
    ("app.server worker pool saturated, returning 503", "threads_exhausted", None),
    ("server reached pm.max_children setting (5), consider raising it", "threads_exhausted", None),
    ("AH00484: server reached MaxRequestWorkers setting", "threads_exhausted", None),
    ('*** uWSGI listen queue of socket "127.0.0.1:3031" (fd: 3) full !!! (100/100) ***', "threads_exhausted", None),
    ("HTTP 429 Too Many Requests from api.cards.example", "rate_limited", None),
    ('"GET /prices HTTP/1.1" 429 17', "rate_limited", None),
    ('{"path":"/prices","status":429}', "rate_limited", None),
    ("provider answered 401: look at your key", "auth", None),
    ("GET /admin 403 12ms", "permission", None),
    ("2026-11-23 20:10:41.337 UTC [429] ERROR:  the request failed", "other", None),
    ("worker 403 failed: the job is broken, line 401", "other", None),
    ("ERROR: deadlock detected", "deadlock", None),
    ('ERROR: relation "orders_v2" does not exist', "schema", None),
    ("required environment variable PAYMENT_URL is not set", "config_missing", None),
    ("panic: runtime error: invalid memory address or nil pointer dereference", "null_pointer", None),
    ("panic: send on closed channel", "panic", None),
    ("the payment failed for reasons of its own", "other", None),
]


@pytest.mark.parametrize(("line", "kind", "peer"), LINES)
def test_reading(line: str, kind: str, peer: str | None) -> None:
    reading = read_error(line)
    assert reading is not None
    assert (reading.kind.value, reading.peer) == (kind, peer)


@pytest.mark.parametrize("line", ["served /pay in 12ms", "Started checkout v1.42.0", "GET /healthz 200"])
def test_good_news_is_no_error(line: str) -> None:
    assert read_error(line) is None


def test_every_class_can_be_read() -> None:
    assert {kind for _, kind, _ in LINES} == {kind.value for kind in ErrorClass}


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    reading = read_error(text)
    assert reading is None or isinstance(reading.kind, ErrorClass)
