"""Whether what a kept revision of a workload refers to is still there: its ConfigMaps, Secrets and keys.

`kubernetes.config_refs` looks at what runs now. Before somebody goes back, what ran then counts: generated ConfigMaps
are often deleted with the release that used them. Values are never read out, and Secrets only where the role allows it.
"""

from incidents.entity import Entity, EntityKind
from incidents.evidence import Source
from incidents.ids import EntityId
from incidents.value import Value
from tools.errors import ForbiddenError, NotFoundError
from tools.estate import Cluster
from tools.kubernetes.metadata import entity_id
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel
from tools.kubernetes.resources import path_of
from tools.kubernetes.scope import Found, Where, client_of, request_of
from tools.probe import Observation, Probe


class Wanted(Value):
    """One object, and the key of it that has to exist; no key when the whole object is meant."""

    kind: EntityKind
    name: str
    key: str = ""


class TemplateRefsArgs(Value):
    """Whose revision, and what it refers to."""

    workload: EntityId
    revision: int
    wanted: tuple[Wanted, ...]


class TemplateRefs(Value):
    """What is missing of what a revision refers to, and what could not be looked at."""

    workload: EntityId
    revision: int
    missing: tuple[Wanted, ...] = ()
    unknown: tuple[Wanted, ...] = ()


async def run(cluster: Cluster, args: TemplateRefsArgs) -> Observation[TemplateRefs]:
    """Look each object up. Raises ToolError."""
    place = Entity.parse(args.workload)
    objects = {one: entity_id(place.cluster, one.kind, one.name, place.namespace) for one in args.wanted}
    async with parallel() as group:
        tasks = {own: group.create_task(_keys(cluster, own)) for own in dict.fromkeys(objects.values())}
    keys = {own: task.result() for own, task in tasks.items()}
    view = TemplateRefs(
        workload=args.workload,
        revision=args.revision,
        missing=tuple(one for one, own in objects.items() if _missing(one, keys[own])),
        unknown=tuple(one for one, own in objects.items() if keys[own] is None),
    )
    requests = tuple(request_of(path_of(Entity.parse(own))) for own in tasks)
    return observed(
        cluster,
        view,
        probe=PROBE.name,
        title=f"what revision {args.revision} refers to",
        where=Where(entity=args.workload),
        found=[Found(items=(), requests=requests)],
        entities=[args.workload],
        complete=(args.workload,),
    )


async def _keys(cluster: Cluster, own: EntityId) -> frozenset[str] | str | None:
    """The keys of an object; `absent` when it is not there, None when it may not be read."""
    try:
        item = await client_of(cluster).get(path_of(Entity.parse(own)))
    except NotFoundError:
        return ABSENT
    except ForbiddenError:
        return None
    return frozenset([*item.keys("data"), *item.keys("binaryData")])


ABSENT = "absent"


def _missing(one: Wanted, keys: frozenset[str] | str | None) -> bool:
    if keys is None:
        return False
    return keys == ABSENT or (bool(one.key) and one.key not in keys)


PROBE = Probe(
    name="kubernetes.template_refs",
    source=Source.KUBERNETES,
    describe="Whether the ConfigMaps, Secrets and keys that an earlier revision refers to still exist. "
    "Ask before going back to it.",
    args=TemplateRefsArgs,
    view=TemplateRefs,
    run=run,
)
