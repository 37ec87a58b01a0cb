"""One observation: what was asked of whom, when, and what came back.

Bodies are bounded and redacted before they get here.
"""

from datetime import datetime
from enum import StrEnum
from typing import Self

from incidents.canonical import digest_of, short
from incidents.ids import Digest, EntityId, EvidenceId
from incidents.value import Value

BODY_LIMIT = 64 * 1024
"""Bytes of one evidence body that are kept; a model's context and a page stay readable below it."""


class Source(StrEnum):
    """The system that was asked."""

    KUBERNETES = "kubernetes"
    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"
    LOKI = "loki"
    TRACES = "traces"
    GITHUB = "github"
    GITLAB = "gitlab"
    ARGOCD = "argocd"
    TERRAFORM = "terraform"
    OPENCOST = "opencost"
    FLAGS = "flags"
    STATUS_PAGES = "status_pages"
    MIDWATCH = "midwatch"
    """What people or Midwatch itself noted."""


class Window(Value):
    """A closed time interval."""

    start: datetime
    end: datetime


class Evidence(Value):
    """One observation.

    The id is a digest of what was asked and what came back, so the same observation has the same id.
    """

    id: EvidenceId
    probe: str
    """Name of the probe that asked, for example `kubernetes.pods`."""
    source: Source
    query: str
    """The exact query: a request path with parameters, PromQL, LogQL."""
    window: Window | None
    observed_at: datetime
    entities: tuple[EntityId, ...] = ()
    body: str
    """JSON of the probe's view (or plain text for logs), redacted and at most BODY_LIMIT bytes."""
    cut: str | None = None
    """What is missing from the body and why, in words; None when it is whole."""
    digest: Digest
    """Over the stored body."""
    link: str | None = None
    """Deep link into the source system, when it has a page for it."""
    title: str = ""
    """A few words for a list: `pods of checkout`."""

    @classmethod
    def of(
        cls,
        *,
        probe: str,
        source: Source,
        query: str,
        observed_at: datetime,
        body: str,
        window: Window | None = None,
        entities: tuple[EntityId, ...] = (),
        cut: str | None = None,
        link: str | None = None,
        title: str = "",
    ) -> Self:
        """Build it, bounding the body and giving it its id."""
        bounded, lost = bound(body)
        digest = digest_of(bounded.encode())
        key = digest_of(
            {
                "source": source,
                "query": query,
                "window": window.model_dump(mode="json") if window else None,
                "body": digest,
            }
        )
        return cls(
            id=EvidenceId("ev-" + short(key)),
            probe=probe,
            source=source,
            query=query,
            window=window,
            observed_at=observed_at,
            entities=entities,
            body=bounded,
            cut="; ".join(part for part in (cut, lost) if part) or None,
            digest=digest,
            link=link,
            title=title,
        )


def bound(body: str, *, limit: int = BODY_LIMIT) -> tuple[str, str | None]:
    """The body within `limit` bytes of UTF-8, and in words what was cut (None when nothing was).

    NUL becomes U+FFFD: log lines hold it, and PostgreSQL cannot store it.
    """
    body = body.replace("\x00", "\ufffd")
    data = body.encode()
    if len(data) <= limit:
        return body, None
    return data[:limit].decode(errors="ignore"), f"kept the first {limit} of {len(data)} bytes"
