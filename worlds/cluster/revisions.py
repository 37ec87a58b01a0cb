"""ControllerRevisions: the templates that a StatefulSet or DaemonSet has had, which is what rolling one back needs."""

from worlds.cluster.core import Cluster, controlled, owner_reference
from worlds.objects.copying import copied
from worlds.objects.kinds import JsonObject, kind_named

REVISION = kind_named("ControllerRevision")
_MANAGER = "kube-controller-manager"
_KEPT = 10


def record_revision(cluster: Cluster, owner: JsonObject, *, digest: str) -> None:
    """See to it that the owner's present template is its newest revision; forget the oldest ones."""
    store, meta = cluster.store, owner["metadata"]
    mine = controlled(store, owner, kind=REVISION)
    newest = max((one["revision"] for one in mine), default=0)
    name = f"{meta['name']}-{digest}"
    known = next((one for one in mine if one["metadata"]["name"] == name), None)
    if known is not None:
        if known["revision"] < newest:
            again = {**known, "metadata": dict(known["metadata"]), "revision": newest + 1}
            store.replace(REVISION, again, manager=_MANAGER)
        return
    labels = {**owner["spec"]["template"]["metadata"].get("labels", {}), "controller.kubernetes.io/hash": digest}
    template = {"$patch": "replace", **copied(owner["spec"]["template"])}
    body = {
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(owner)],
        },
        "data": {"spec": {"template": template}},
        "revision": newest + 1,
    }
    store.create(REVISION, body, manager=_MANAGER)
    for old in sorted(mine, key=lambda one: int(one["revision"]))[: max(len(mine) - _KEPT, 0)]:
        store.delete(REVISION, namespace=meta["namespace"], name=old["metadata"]["name"])
