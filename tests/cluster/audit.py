"""What was really asked of the API server, read from its own audit log: the oracle for "this and nothing else was done".

The policy leaves out the control plane's own parts, so that what remains are the people, the product and the tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})

_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "None",
            "users": ["system:kube-controller-manager", "system:kube-scheduler", "system:apiserver"],
        },
        {"level": "None", "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"]},
        {"level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*", "/openapi/*"]},
        {"level": "Request", "verbs": sorted(WRITES)},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True, kw_only=True)
class AuditEvent:
    """One request that the API server answered (or, for a watch, began to answer)."""

    at: str
    """When the request arrived, RFC 3339 with microseconds."""
    user: str
    verb: str
    namespace: str
    resource: str
    """Plural, with the subresource behind a slash: `deployments/scale`, `pods/eviction`."""
    name: str
    code: int
    """The HTTP status of the answer."""
    dry_run: bool
    user_agent: str
    uri: str
    body: Mapping[str, Any] | None = field(repr=False)
    """The request's object or patch, for writes."""

    @property
    def writes(self) -> bool:
        """Whether it asked for a change, granted or not, a dry run included."""
        return self.verb in WRITES

    @property
    def changed_something(self) -> bool:
        """Whether it asked for a change that the API server accepted and kept."""
        accepted = 200 <= self.code < 300
        return self.writes and accepted and not self.dry_run


def write_policy(path: Path) -> Path:
    """Write the audit policy (JSON, which is YAML too) and return its path."""
    path.write_text(json.dumps(_POLICY))
    return path


def read_log(path: Path) -> Iterator[AuditEvent]:
    """Every completed request in the log, oldest first. A line that is still being written is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                raw = json.loads(line)
                if raw["stage"] in ("ResponseComplete", "Panic"):
                    yield _event(raw)


def _event(raw: Mapping[str, Any]) -> AuditEvent:
    target = raw.get("objectRef", {})
    resource = target.get("resource", "")
    if target.get("subresource"):
        resource = f"{resource}/{target['subresource']}"
    body = raw.get("requestObject")
    return AuditEvent(
        at=raw["requestReceivedTimestamp"],
        user=raw["user"]["username"],
        verb=raw["verb"],
        namespace=target.get("namespace", ""),
        resource=resource,
        # At a create the name is only in the object that was sent.
        name=target.get("name") or _sent_name(body),
        code=raw.get("responseStatus", {}).get("code", 0),
        dry_run="dryRun" in parse_qs(urlsplit(raw["requestURI"]).query) or _dry_run_in(body),
        user_agent=raw.get("userAgent", ""),
        uri=raw["requestURI"],
        body=body if isinstance(body, Mapping) else None,
    )


def _sent_name(body: object) -> str:
    if not isinstance(body, Mapping):
        return ""
    return str((body.get("metadata") or {}).get("name", ""))


def _dry_run_in(body: object) -> bool:
    """Deletions and evictions may carry `dryRun` in their options instead of in the address."""
    if not isinstance(body, Mapping):
        return False
    options = body.get("deleteOptions") or body
    return bool(options.get("dryRun")) if isinstance(options, Mapping) else False
