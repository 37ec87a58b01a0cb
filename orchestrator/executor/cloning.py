"""Tries a change on a clone: one pod of the changed template in a namespace of its own, watched, and removed again.

Off unless a cluster names its scratch namespace. Nothing is written elsewhere. A clone that a dead process left ends by
its own deadline, and the next executor that rehearses anything removes what is left of it.
"""

import asyncio
import logging
import uuid
from datetime import timedelta

from incidents.action import ActionRequest
from incidents.entity import Entity, EntityKind
from tools.action import Action
from tools.errors import ConflictError, NotFoundError, ToolError
from tools.estate import WriteCluster
from tools.kubernetes.change import ConditionalChange, client_of
from tools.kubernetes.clone import CLONE, EXPIRES, Trying, manifest, obstacles, seen
from tools.kubernetes.document import Document
from tools.kubernetes.network_policy import read_network_policy
from tools.kubernetes.pod import read_pod
from tools.kubernetes.resources import RESOURCES

logger = logging.getLogger(__name__)

WATCHED_SECONDS = 45.0
"""How long a clone may take to be ready: people wait for the card meanwhile."""
LIVES_SECONDS = 120
"""After which Kubernetes itself stops a clone that nobody removed."""
LOOK_SECONDS = 1.0
PODS, POLICIES = RESOURCES[EntityKind.POD], RESOURCES[EntityKind.NETWORKPOLICY]


async def on_a_clone(cluster: WriteCluster, action: Action, request: ActionRequest) -> str:
    """What the change did on a clone, in words for the card; empty where nothing is to be tried on clones.

    `tried on a clone: ready after 14 s`. Never raises: what cannot be tried is told.
    """
    namespace = cluster.connections.scratch_namespace
    if not namespace or not isinstance(action, ConditionalChange):
        return ""
    try:
        await sweep(cluster)
        after = await action.outcome(cluster, request)
        if not after.at("spec", "template", "spec").items("containers"):
            return ""
        if lacking := obstacles(after):
            return f"cannot be tried on a clone: {', '.join(lacking)}"
        if not await _closed(cluster, namespace):
            return f"not tried on a clone: no network policy closes namespace {namespace}"
        return await _tried(cluster, after, request, namespace=namespace)
    except ToolError as error:
        return f"not tried on a clone: {error}"


async def sweep(cluster: WriteCluster) -> int:
    """Remove clones whose time is over, whoever made them. Returns how many. Raises ToolError."""
    namespace = cluster.connections.scratch_namespace
    if not namespace:
        return 0
    found = await client_of(cluster).list(PODS.collection(namespace), query={"labelSelector": CLONE})
    now, removed = cluster.clock.now().timestamp(), 0
    for pod in found.items:
        expires = pod.mapping("metadata", "annotations").get(EXPIRES, "0")
        if not expires.isdigit() or float(expires) <= now:
            await _remove(cluster, pod)
            removed += 1
    return removed


async def _closed(cluster: WriteCluster, namespace: str) -> bool:
    """Whether no pod of it reaches or is reached by anything: one policy isolates all, none lets anything through."""
    listing = await client_of(cluster).list(POLICIES.collection(namespace))
    policies = [read_network_policy(item, cluster=cluster.name) for item in listing.items]
    isolated = any(one.selector.empty and one.ingress is not None and one.egress is not None for one in policies)
    return isolated and not any(one.ingress or one.egress for one in policies)


async def _tried(cluster: WriteCluster, after: Document, request: ActionRequest, *, namespace: str) -> str:
    name = f"{Entity.parse(request.target).name[:40]}-{uuid.uuid4().hex[:8]}"
    expires = cluster.clock.now() + timedelta(seconds=LIVES_SECONDS)
    body = manifest(after, name=name, namespace=namespace, expires=expires, seconds=LIVES_SECONDS)
    made = await client_of(cluster).post(PODS.collection(namespace), body)
    try:
        return f"tried on a clone: {await _watched(cluster, name, namespace=namespace)}"
    finally:
        await asyncio.shield(_remove(cluster, made))


async def _watched(cluster: WriteCluster, name: str, *, namespace: str) -> str:
    began, told = cluster.clock.now(), "it is not ready"
    while (passed := (cluster.clock.now() - began).total_seconds()) < WATCHED_SECONDS:
        found = seen(read_pod(await client_of(cluster).get(PODS.path(name, namespace)), cluster=cluster.name))
        if found.how is Trying.READY:
            return f"ready after {passed:.0f} s"
        if found.how is Trying.FAILED:
            return f"not ready: {found.text}"
        told = found.text
        await cluster.clock.sleep(LOOK_SECONDS)
    return f"not ready after {WATCHED_SECONDS:.0f} s: {told}"


async def _remove(cluster: WriteCluster, pod: Document) -> None:
    """Exactly this one; what is gone already, or has another uid by now, is left alone. What fails is swept later."""
    name, namespace = pod.word("metadata", "name"), pod.word("metadata", "namespace")
    try:
        await client_of(cluster).delete(PODS.path(name, namespace), uid=pod.word("metadata", "uid"))
    except (NotFoundError, ConflictError):
        return
    except ToolError as error:
        logger.warning("A clone was not removed", extra={"action": "clone_left", "clone": name, "why": str(error)})
