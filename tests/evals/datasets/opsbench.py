"""Writes small cases in the format of Cloud-OpsBench: a shop of another shape and naming than the published one."""

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SPACE = "tickets"
ZONE = "+0200"
STARTED = f"Mon, 02 Mar 2026 10:00:00 {ZONE}"
COLLECTED = "2026-03-02T10:03:00"


def get(kind: str, text: str, *, name: str = "", **more: object) -> tuple[str, str]:
    """One `kubectl get`."""
    arguments = {"resource_type": kind, "name": name, "namespace": SPACE, **more}
    return f"GetResources:{json.dumps(arguments)}", textwrap.dedent(text).lstrip("\n")


def describe(kind: str, name: str, text: str) -> tuple[str, str]:
    """One `kubectl describe`."""
    arguments = {"resource_type": kind, "name": name, "namespace": SPACE}
    return f"DescribeResource:{json.dumps(arguments)}", textwrap.dedent(text).lstrip("\n")


def tool(name: str, text: str, **arguments: object) -> tuple[str, str]:
    """One call of another tool."""
    return f"{name}:{json.dumps(arguments)}", textwrap.dedent(text).lstrip("\n")


def table(*rows: tuple[str, ...], indent: str = "") -> str:
    """Rows as kubectl aligns them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{indent}{line.rstrip()}\n" for line in lines)


@dataclass(kw_only=True)
class Service:
    """One application of the shop with one pod."""

    name: str
    port: int = 8080
    kind: str = "Deployment"
    ready: bool = True
    status: str = "Running"
    restarts: int = 0
    state: str = "State:          Running\n      Started:      Mon, 02 Mar 2026 10:00:05 +0200"
    selector: Mapping[str, str] = field(default_factory=dict)
    liveness: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    node: str = "n-2"
    events: str = "Events:          <none>"
    probe_port: int | None = None

    @property
    def pod(self) -> str:
        """Name of its pod."""
        return f"{self.name}-0" if self.kind == "StatefulSet" else f"{self.name}-6d5f7c9b8d-x2x4z"


def _indented(text: str, by: str) -> str:
    return text.replace("\n", f"\n{by}")


def pod_text(one: Service) -> str:
    """What describe prints of its pod."""
    owner = f"StatefulSet/{one.name}" if one.kind == "StatefulSet" else f"ReplicaSet/{one.name}-6d5f7c9b8d"
    ready = str(one.ready)
    selected = (
        "\n                             ".join(f"{key}={value}" for key, value in one.selector.items()) or "<none>"
    )
    env = "".join(f"\n      {key}:  {value}" for key, value in one.env.items()) or "  <none>"
    where = f"{one.node}/10.1.0.2\nStart Time:       {STARTED}" if one.node else "<none>"
    state = f"    {one.state}\n    Ready:          {ready}\n    Restart Count:  {one.restarts}\n" if one.node else ""
    probes = f"    {one.liveness}\n" if one.liveness else ""
    return (
        f"Name:             {one.pod}\nNamespace:        {SPACE}\nPriority:         0\nService Account:  default\n"
        f"Node:             {where}\nLabels:           app={one.name}\nAnnotations:      <none>\n"
        f"Status:           {'Running' if one.node else 'Pending'}\nIP:               10.2.0.7\n"
        f"Controlled By:    {owner}\nContainers:\n  app:\n    Image:      registry.example/{one.name}:1.4\n"
        f"    Port:       {one.port}/TCP\n    Host Port:  0/TCP\n{state}    Limits:\n      cpu:     1\n"
        f"      memory:  512Mi\n    Requests:\n      cpu:      100m\n      memory:   256Mi\n{probes}"
        f"    Environment:{env}\n    Mounts:     <none>\nConditions:\n  Type              Status\n"
        f"  Ready             {ready} \n  PodScheduled      {bool(one.node)} \nVolumes:         <none>\n"
        f"QoS Class:       Burstable\nNode-Selectors:  {selected}\nTolerations:     <none>\n{one.events}\n"
    )


def workload_text(one: Service) -> str:
    """What describe prints of its deployment."""
    up = int(one.ready)
    env = "".join(f"\n      {key}:  {value}" for key, value in one.env.items()) or "  <none>"
    selected = "\n                   ".join(f"{key}={value}" for key, value in one.selector.items()) or "<none>"
    probes = f"    {one.liveness}\n" if one.liveness else ""
    return (
        f"Name:                   {one.name}\nNamespace:              {SPACE}\nCreationTimestamp:      {STARTED}\n"
        f"Labels:                 app={one.name}\nAnnotations:            deployment.kubernetes.io/revision: 1\n"
        f"Selector:               app={one.name}\n"
        f"Replicas:               1 desired | 1 updated | 1 total | {up} available | {1 - up} unavailable\n"
        f"StrategyType:           RollingUpdate\nPod Template:\n  Labels:  app={one.name}\n  Containers:\n   app:\n"
        f"    Image:      registry.example/{one.name}:1.4\n    Port:       {one.port}/TCP\n    Limits:\n      cpu:     1\n"
        f"      memory:  512Mi\n    Requests:\n      cpu:      100m\n      memory:   256Mi\n{probes}"
        f"    Environment:{env}\n    Mounts:        <none>\n  Volumes:         <none>\n  Node-Selectors:  {selected}\n"
        f"  Tolerations:     <none>\nEvents:          <none>\n"
    )


def estate(*services: Service) -> dict[str, str]:
    """Lists and descriptions of everything."""
    width = max(len(one.pod) for one in services) + 3
    pods = f"{'NAME':<{width}}READY   STATUS             RESTARTS   AGE    IP         NODE\n"
    svc = f"{'NAME':<{width}}TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE    SELECTOR\n"
    sets = {
        "Deployment": f"{'NAME':<{width}}READY   UP-TO-DATE   AVAILABLE   AGE\n",
        "StatefulSet": f"{'NAME':<{width}}READY   AGE\n",
    }
    entries: list[tuple[str, str]] = []
    for one in services:
        up = int(one.ready)
        pods += f"{one.pod:<{width}}{up}/1     {one.status:<18} {one.restarts:<10} 2m30s  10.2.0.7   {one.node or '<none>'}\n"
        svc += f"{one.name:<{width}}ClusterIP   10.3.0.1     <none>        {one.port}/TCP   2m30s  app={one.name}\n"
        numbers = f"{up}/1     1            {up}           2m30s" if one.kind == "Deployment" else f"{up}/1     2m30s"
        sets[one.kind] += f"{one.name:<{width}}{numbers}\n"
        entries.append((describe("pods", one.pod, "")[0], pod_text(one)))
        if one.kind == "Deployment":
            entries.append((describe("deployments", one.name, "")[0], workload_text(one)))
    nodes = """
        NAME   STATUS                     ROLES    AGE    VERSION
        n-1    Ready,SchedulingDisabled   master   50d    v1.31.2
        n-2    Ready                      node     50d    v1.31.2
        n-3    Ready                      node     50d    v1.31.2
    """
    found = dict(
        [
            get("pods", pods, output_wide=True),
            get("services", svc, output_wide=True),
            get("deployments", sets["Deployment"]),
            get("statefulsets", sets["StatefulSet"]),
            get("nodes", nodes),
            *entries,
        ]
    )
    return {"collection_timestamp": COLLECTED, **found}


def write(
    root: Path, cache: Mapping[str, object], *, thing: str, cause: str, family: str = "runtime", number: int = 1
) -> Path:
    """Write a case; returns the folder to which a run is pointed."""
    folder = root / "tickets" / family / str(number)
    folder.mkdir(parents=True)
    (folder / "tool_cache.json").write_text(json.dumps(cache), encoding="utf-8")
    truth = {
        "namespace": SPACE,
        "query": "Tickets cannot be bought.",
        "result": {"fault_object": thing, "root_cause": cause},
    }
    (folder / "metadata.json").write_text(json.dumps(truth), encoding="utf-8")
    return root / "tickets"
