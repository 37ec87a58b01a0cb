"""The object store: versions, the log of changes, and writes that change nothing."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.store import AlreadyExistsError, ChangeType, GoneError, NotFoundError, ObjectStore

DEPLOYMENT = kind_named("Deployment")
NAMES = st.sampled_from(["web", "cart", "checkout"])


def new_store() -> ObjectStore:
    return ObjectStore(now=lambda: datetime(2026, 11, 17, tzinfo=UTC), new_uid=lambda text: f"uid-{text}")


def deployment(name: str, replicas: int) -> JsonObject:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"replicas": replicas}}


class StoreMachine(RuleBasedStateMachine):
    """Random writes; the model is a plain dictionary and the list of expected changes."""

    def __init__(self) -> None:
        super().__init__()
        self.store = new_store()
        self.model: dict[str, int] = {}
        self.seen: list[tuple[ChangeType, str]] = []
        self.first = self.store.version

    @rule(name=NAMES, replicas=st.integers(0, 5))
    def create(self, name: str, replicas: int) -> None:
        if name in self.model:
            with pytest.raises(AlreadyExistsError):
                self.store.create(DEPLOYMENT, deployment(name, replicas), manager="test")
        else:
            self.store.create(DEPLOYMENT, deployment(name, replicas), manager="test")
            self.model[name] = replicas
            self.seen.append((ChangeType.ADDED, name))

    @rule(name=NAMES, replicas=st.integers(0, 5), dry_run=st.booleans())
    def scale(self, name: str, replicas: int, dry_run: bool) -> None:
        if name not in self.model:
            with pytest.raises(NotFoundError):
                self.store.get(DEPLOYMENT, namespace="shop", name=name)
            return
        before = self.store.get(DEPLOYMENT, namespace="shop", name=name)
        new = {**before, "metadata": dict(before["metadata"]), "spec": {"replicas": replicas}}
        after = self.store.replace(DEPLOYMENT, new, manager="test", dry_run=dry_run)
        assert after["spec"] == {"replicas": replicas}
        changed = replicas != self.model[name]
        assert after["metadata"]["generation"] == before["metadata"]["generation"] + changed
        if changed and not dry_run:
            self.model[name] = replicas
            self.seen.append((ChangeType.MODIFIED, name))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if name in self.model:
            self.store.delete(DEPLOYMENT, namespace="shop", name=name)
            del self.model[name]
            self.seen.append((ChangeType.DELETED, name))

    @invariant()
    def it_holds_what_was_written(self) -> None:
        objects = {o["metadata"]["name"]: o["spec"]["replicas"] for o in self.store.every(DEPLOYMENT)}
        assert objects == self.model

    @invariant()
    def versions_grow_by_one_with_every_change_and_with_nothing_else(self) -> None:
        changes = self.store.since(self.first)
        assert [(c.type, c.object["metadata"]["name"]) for c in changes] == self.seen
        assert [c.version for c in changes] == list(range(self.first + 1, self.first + len(self.seen) + 1))
        assert [c.object["metadata"]["resourceVersion"] for c in changes] == [str(c.version) for c in changes]
        assert self.store.version == self.first + len(self.seen)

    @invariant()
    def a_watch_from_any_version_leads_to_the_same_state(self) -> None:
        middle = self.first + len(self.seen) // 2
        state: dict[str, int] = {}
        for change in [c for c in self.store.since(self.first) if c.version <= middle] + self.store.since(middle):
            name = change.object["metadata"]["name"]
            if change.type is ChangeType.DELETED:
                del state[name]
            else:
                state[name] = change.object["spec"]["replicas"]
        assert state == self.model


TestStore = StoreMachine.TestCase


def test_a_version_that_was_compacted_is_gone() -> None:
    store = new_store()
    store.create(DEPLOYMENT, deployment("web", 1), manager="test")
    with pytest.raises(GoneError):
        store.since(17)
    assert store.since(store.version) == []


def test_a_write_notes_who_set_which_fields() -> None:
    store = new_store()
    made = store.create(DEPLOYMENT, deployment("web", 1), manager="argocd-controller")
    edited = {**made, "metadata": dict(made["metadata"]), "spec": {"replicas": 3}}
    after = store.replace(DEPLOYMENT, edited, manager="kubectl-edit")
    entries = {entry["manager"]: entry["fieldsV1"] for entry in after["metadata"]["managedFields"]}
    assert entries["kubectl-edit"] == {"f:spec": {"f:replicas": {}}}
    assert "argocd-controller" in entries


@given(st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=3))
def test_a_write_of_the_same_object_moves_nothing(labels: dict[str, int]) -> None:
    store = new_store()
    body = deployment("web", 1)
    body["metadata"]["labels"] = labels
    made = store.create(DEPLOYMENT, body, manager="test")
    version = store.version
    store.replace(DEPLOYMENT, {**made, "metadata": dict(made["metadata"])}, manager="other")
    assert store.version == version
