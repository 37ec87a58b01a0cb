"""Talks to OpenCost's API (and Kubecost's, which it comes from). The only place that knows it."""

from collections.abc import Mapping
from datetime import datetime

from incidents.evidence import Window
from incidents.value import Value
from tools.estate import Endpoint
from tools.http import HttpClient
from tools.wire import Wire

SYSTEM = "OpenCost"
_UNALLOCATED = frozenset({"__idle__", "__unallocated__", "__unmounted__", ""})


class Allocation(Value):
    """What one controller (workload) cost in a window, in USD, and what it asked for and used on average."""

    name: str
    namespace: str = ""
    controller: str = ""
    controller_kind: str = ""
    start: datetime
    end: datetime
    minutes: float
    """Minutes of the window in which it ran."""
    cpu_core_hours: float = 0.0
    cpu_cost: float = 0.0
    cpu_request: float = 0.0
    """Cores, all pods together."""
    cpu_use: float = 0.0
    """Cores, all pods together."""
    ram_byte_hours: float = 0.0
    ram_cost: float = 0.0
    ram_request: float = 0.0
    """Bytes, all pods together."""
    ram_use: float = 0.0
    """Bytes, all pods together."""
    pv_cost: float = 0.0
    network_cost: float = 0.0
    total_cost: float = 0.0

    @property
    def usd_per_hour(self) -> float | None:
        """Its rate while it ran; None when it did not run."""
        return self.total_cost / (self.minutes / 60) if self.minutes > 0 else None


class _Properties(Wire):
    cluster: str | None = None
    namespace: str | None = None
    controller: str | None = None
    controllerKind: str | None = None  # noqa: N815 - the wire's name


class _Span(Wire):
    start: datetime
    end: datetime


class _Allocation(Wire):
    name: str = ""
    properties: _Properties | None = None
    window: _Span
    minutes: float = 0.0
    cpuCoreHours: float = 0.0  # noqa: N815 - the wire's name
    cpuCost: float = 0.0  # noqa: N815 - the wire's name
    cpuCoreRequestAverage: float = 0.0  # noqa: N815 - the wire's name
    cpuCoreUsageAverage: float = 0.0  # noqa: N815 - the wire's name
    ramByteHours: float = 0.0  # noqa: N815 - the wire's name
    ramCost: float = 0.0  # noqa: N815 - the wire's name
    ramByteRequestAverage: float = 0.0  # noqa: N815 - the wire's name
    ramByteUsageAverage: float = 0.0  # noqa: N815 - the wire's name
    pvCost: float = 0.0  # noqa: N815 - the wire's name
    networkCost: float = 0.0  # noqa: N815 - the wire's name
    totalCost: float = 0.0  # noqa: N815 - the wire's name


class _Answer(Wire):
    code: int = 200
    data: list[dict[str, _Allocation] | None] | None = None
    message: str = ""


class OpenCostClient:
    """Reads one OpenCost."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is sent yet."""
        self.http = HttpClient(endpoint, system=SYSTEM)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def allocations(self, window: Window, *, step: str | None = None) -> tuple[tuple[Allocation, ...], ...]:
        """What every controller cost, by step of the window (`1h`; one step when not given), oldest first."""
        answer = await self.http.get("/allocation/compute", _Answer, params=self.parameters(window, step=step))
        return tuple(
            tuple(_allocation(name, item) for name, item in (steps or {}).items() if name not in _UNALLOCATED)
            for steps in answer.data or []
        )

    def describe(self, window: Window, *, step: str | None = None) -> str:
        """The request as evidence names it."""
        return self.http.describe("/allocation/compute", params=self.parameters(window, step=step))

    def parameters(self, window: Window, *, step: str | None) -> Mapping[str, str | bool | None]:
        """The parameters of a request: whole seconds in RFC 3339, one allocation per controller of a namespace."""
        span = f"{_stamp(window.start)},{_stamp(window.end)}"
        return {"window": span, "aggregate": "namespace,controllerKind,controller", "step": step, "accumulate": False}


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _allocation(name: str, item: _Allocation) -> Allocation:
    properties = item.properties or _Properties()
    parts = name.split("/")
    namespace, kind, controller = parts if len(parts) == 3 else ("", "", "")  # noqa: PLR2004 - the aggregate asked for
    return Allocation(
        name=name,
        namespace=properties.namespace or namespace,
        controller=(properties.controller or controller).split(":", 1)[-1],
        controller_kind=properties.controllerKind or kind,
        start=item.window.start,
        end=item.window.end,
        minutes=item.minutes,
        cpu_core_hours=item.cpuCoreHours,
        cpu_cost=item.cpuCost,
        cpu_request=item.cpuCoreRequestAverage,
        cpu_use=item.cpuCoreUsageAverage,
        ram_byte_hours=item.ramByteHours,
        ram_cost=item.ramCost,
        ram_request=item.ramByteRequestAverage,
        ram_use=item.ramByteUsageAverage,
        pv_cost=item.pvCost,
        network_cost=item.networkCost,
        total_cost=item.totalCost,
    )
