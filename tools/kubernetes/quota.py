"""Resource quotas and limit ranges: how much a namespace may take, and what one container may."""

from incidents.entity import EntityKind
from incidents.quantity import parse_quantity
from incidents.value import Value
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, read_meta


class QuotaLine(Value):
    """One resource of a quota. Numbers in the resource's base unit (cores, bytes, objects); texts as written."""

    resource: str
    hard: float
    used: float
    hard_text: str
    used_text: str

    @property
    def ratio(self) -> float:
        """Used share; 1 for a hard limit of zero."""
        return self.used / self.hard if self.hard > 0 else 1.0


class Quota(Value):
    """One ResourceQuota."""

    meta: ObjectMeta
    lines: tuple[QuotaLine, ...]
    scopes: tuple[str, ...] = ()


class LimitLine(Value):
    """What one kind of thing may take; quantities as written, by resource."""

    type: str
    """Container, Pod or PersistentVolumeClaim."""
    maximum: dict[str, str] = {}
    minimum: dict[str, str] = {}
    default: dict[str, str] = {}
    default_request: dict[str, str] = {}


class LimitRange(Value):
    """One LimitRange."""

    meta: ObjectMeta
    lines: tuple[LimitLine, ...]


class Quotas(Value):
    """Quotas and limit ranges of a scope."""

    quotas: tuple[Quota, ...]
    limit_ranges: tuple[LimitRange, ...] = ()


def read_quota(document: Document, *, cluster: str) -> Quota:
    """Read a ResourceQuota; a line whose quantities cannot be read is left out."""
    hard = document.mapping("status", "hard") or document.mapping("spec", "hard")
    used = document.mapping("status", "used")
    lines = [_line(resource, limit, used.get(resource, "0")) for resource, limit in sorted(hard.items())]
    return Quota(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.QUOTA, managers=True),
        lines=tuple(line for line in lines if line is not None),
        scopes=document.texts("spec", "scopes"),
    )


def read_limit_range(document: Document, *, cluster: str) -> LimitRange:
    """Read a LimitRange."""
    return LimitRange(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.LIMITRANGE, managers=True),
        lines=tuple(
            LimitLine(
                type=item.word("type"),
                maximum=item.mapping("max"),
                minimum=item.mapping("min"),
                default=item.mapping("default"),
                default_request=item.mapping("defaultRequest"),
            )
            for item in document.items("spec", "limits")
        ),
    )


def _line(resource: str, hard: str, used: str) -> QuotaLine | None:
    try:
        return QuotaLine(
            resource=resource, hard=parse_quantity(hard), used=parse_quantity(used), hard_text=hard, used_text=used
        )
    except ValueError:
        return None
