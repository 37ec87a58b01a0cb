"""Where the live objects of an Argo CD application differ from Git, field by field."""

import json
from collections.abc import Iterator, Mapping

from incidents.action import FieldChange
from incidents.canonical import Json
from incidents.entity import Entity, EntityKind
from incidents.evidence import Source
from incidents.redaction import is_secret_name, mark, redact
from incidents.value import Value
from tools.argocd.application import ResourceStates
from tools.argocd.client import SYSTEM
from tools.estate import Cluster
from tools.observing import configured, observed
from tools.probe import Observation, Probe

MOST_FIELDS = 100
LONGEST = 500
"""Characters of one value that are shown."""
_OWN = frozenset(
    {
        "status",
        "metadata.managedFields",
        "metadata.resourceVersion",
        "metadata.uid",
        "metadata.generation",
        "metadata.creationTimestamp",
        "metadata.selfLink",
        "metadata.annotations.kubectl.kubernetes.io/last-applied-configuration",
    }
)
"""What the API server or a controller writes: never in Git, never drift."""


class DiffArgs(Value):
    """Which application."""

    application: str
    namespace: str = ""
    """Where the Application object lives, when not in Argo CD's own namespace."""


class ResourceDiff(Value):
    """One object that differs. `before` is what Git says, `after` what lives in the cluster."""

    kind: str
    namespace: str
    name: str
    missing: bool = False
    """It is in Git, and not in the cluster."""
    extra: bool = False
    """It is in the cluster, and no longer in Git."""
    fields: tuple[FieldChange, ...] = ()


class DiffView(Value):
    """The objects that differ."""

    application: str
    resources: tuple[ResourceDiff, ...]


def difference(states: ResourceStates) -> ResourceDiff | None:
    """How one object differs; None when it does not. Pure."""
    if states.desired is None and states.live is None:
        return None
    desired, live = json.loads(states.desired or "null"), json.loads(states.live or "null")
    hidden = states.kind == "Secret"
    fields = tuple(_changes(desired, live, path="", hidden=hidden)) if desired and live else ()
    if desired and live and not fields:
        return None
    return ResourceDiff(
        kind=states.kind,
        namespace=states.namespace,
        name=states.name,
        missing=live is None,
        extra=desired is None,
        fields=fields[:MOST_FIELDS],
    )


def _changes(desired: Json, live: Json, *, path: str, hidden: bool) -> Iterator[FieldChange]:
    """Fields that Git states and that live otherwise. What only lives was defaulted or belongs to a controller."""
    if path in _OWN or desired == live:
        return
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        for key in sorted(desired):
            below = f"{path}.{key}" if path else key
            yield from _changes(desired[key], live.get(key), path=below, hidden=hidden)
        return
    if isinstance(desired, list) and isinstance(live, list) and len(desired) == len(live):
        for index, (one, other) in enumerate(zip(desired, live, strict=True)):
            yield from _changes(one, other, path=f"{path}[{_label(one, index)}]", hidden=hidden)
        return
    secret = hidden or is_secret_name(path.rsplit(".", 1)[-1]) or _names_secret(path)
    yield FieldChange(path=path, before=_shown(desired, secret=secret), after=_shown(live, secret=secret))


def _label(item: Json, index: int) -> str:
    """How people call a list's item: its name when it has one."""
    return str(item["name"]) if isinstance(item, Mapping) and "name" in item else str(index)


def _names_secret(path: str) -> bool:
    """Whether it is the value of an env variable whose name is secret: `env[DB_PASSWORD].value`."""
    return path.endswith(".value") and is_secret_name(path.removesuffix(".value").rsplit("[", 1)[-1].rstrip("]"))


def _shown(value: Json, *, secret: bool) -> str | None:
    if value is None:
        return None
    if secret:
        return mark("secret")
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return redact(text)[:LONGEST]


async def _run(cluster: Cluster, args: DiffArgs) -> Observation[DiffView]:
    client = configured(cluster.argocd, system=SYSTEM, cluster=cluster.name)
    states = await client.managed_resources(args.application, namespace=args.namespace)
    differing = tuple(found for found in (difference(state) for state in states) if found is not None)
    view = DiffView(application=args.application, resources=differing)
    application = Entity(
        cluster=cluster.name, namespace=args.namespace or None, kind=EntityKind.APPLICATION, name=args.application
    )
    return observed(
        view,
        probe=PROBE.name,
        source=Source.ARGOCD,
        query=client.http.describe(f"/api/v1/applications/{args.application}/managed-resources"),
        at=cluster.clock.now(),
        title=f"what of {args.application} differs from Git",
        entities=(application.id,),
        link=client.http.link(f"/applications/{args.application}", params={"view": "tree", "operation": "false"}),
    )


PROBE = Probe(
    name="argocd.diff",
    source=Source.ARGOCD,
    describe="Fields of an Argo CD application's live objects that differ from Git.",
    args=DiffArgs,
    view=DiffView,
    run=_run,
)
