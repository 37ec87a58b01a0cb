"""A changed policy is taken up by a process that runs: whole, once it stands still and lint lets it pass, and on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from incidents.ledger import EntryKind
from orchestrator.policy.force import Changed, Mended, PolicyInForce, Refused, Seen
from orchestrator.policy.load import InvalidPolicyError
from orchestrator.policy.watching import look_once, watch_policy
from orchestrator.store.database import Store
from orchestrator.store.ledger import kinds_of
from tests.orchestrator.policy.asking import ASK_ALL

STRICTER = ASK_ALL.replace("approvals: 1", "approvals: 2")
BROKEN = ASK_ALL.replace("effect: ask", "effect: perhaps")


def looked(policies: PolicyInForce, *, times: int = 2) -> Seen | None:
    """What so many looks see; taken up as the watch does it."""
    seen: Seen | None = None
    for _ in range(times):
        seen = policies.look()
    if seen is not None:
        policies.take(seen)
    return seen


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """A folder with a policy that asks one."""
    (tmp_path / "policy.yaml").write_text(ASK_ALL)
    return tmp_path


def approvals(policies: PolicyInForce) -> int:
    return policies.current.rules[0].approvals


def test_a_change_counts_once_it_stood_still_for_a_look(at: Path) -> None:
    policies = PolicyInForce(at)
    before = policies.current
    (at / "policy.yaml").write_text(STRICTER)
    assert looked(policies, times=1) is None, "somebody may still be writing"
    assert policies.current is before
    seen = looked(policies, times=1)
    assert isinstance(seen, Changed)
    assert (seen.before, seen.after) == (before.version, policies.current.version)
    assert approvals(policies) == 2
    assert looked(policies) is None, "told once"


def test_a_file_that_is_being_written_is_waited_for(at: Path) -> None:
    policies = PolicyInForce(at)
    (at / "policy.yaml").write_text(STRICTER[:40])
    assert looked(policies, times=1) is None
    (at / "policy.yaml").write_text(STRICTER)
    assert looked(policies, times=1) is None
    assert isinstance(looked(policies, times=1), Changed)


def test_a_config_map_that_is_exchanged_by_its_symbolic_link(tmp_path: Path) -> None:
    """As kubelet mounts one: policy.yaml -> ..data/policy.yaml, ..data -> ..1, and then -> ..2 by a rename."""
    rego = 'package midwatch.payments\nimport rego.v1\ndeny contains "never" if false\n'
    for name, rows in (("..1", ASK_ALL), ("..2", STRICTER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.yaml").write_text(rows)
        (tmp_path / name / "own.rego").write_text(rego)
    (tmp_path / "..data").symlink_to("..1")
    for file in ("policy.yaml", "own.rego"):
        (tmp_path / file).symlink_to(f"..data/{file}")
    policies = PolicyInForce(tmp_path)
    assert [one.name for one in policies.current.modules if one.name == "own.rego"] == ["own.rego"], "read once"
    (tmp_path / "..fresh").symlink_to("..2")
    (tmp_path / "..fresh").rename(tmp_path / "..data")
    assert isinstance(looked(policies), Changed)
    assert approvals(policies) == 2


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda at: (at / "policy.yaml").write_text(BROKEN), "policy.yaml:2", id="a row that is wrong"),
        pytest.param(lambda at: (at / "policy.yaml").write_text(""), "write one key `rules`", id="an empty file"),
        pytest.param(lambda at: (at / "policy.yaml").unlink(), "policy.yaml is gone", id="a file that got lost"),
        pytest.param(
            lambda at: (at / "own.rego").write_text("package midwatch.own\ndeny contains"), "own.rego", id="broken Rego"
        ),
        pytest.param(
            lambda at: (at / "policy.yaml").write_bytes(b"\xff\xfe"), "is no text in UTF-8", id="something else"
        ),
    ],
)
def test_what_cannot_be_used_leaves_the_old_one_in_force(at: Path, spoil: Callable[[Path], object], words: str) -> None:
    policies = PolicyInForce(at)
    before = policies.current
    spoil(at)
    seen = looked(policies)
    assert isinstance(seen, Refused)
    assert words in seen.problem
    assert policies.current is before
    assert policies.problem == seen.problem
    (at / "own.rego").unlink(missing_ok=True)
    (at / "policy.yaml").write_text(ASK_ALL)
    assert isinstance(looked(policies), Mended)
    assert policies.problem == ""


def test_a_process_does_not_begin_with_a_broken_policy(at: Path) -> None:
    (at / "policy.yaml").write_text(BROKEN)
    with pytest.raises(InvalidPolicyError, match=r"policy\.yaml:2"):
        PolicyInForce(at)


async def test_two_processes_record_one_change(store: Store, open_store: Callable[[], Store], at: Path) -> None:
    one, other = PolicyInForce(at), PolicyInForce(at)
    before = one.current.version
    (at / "policy.yaml").write_text(STRICTER)
    async with open_store() as another:
        for _ in range(3):
            await look_once(one, store)
            await look_once(other, another)
    assert one.current.version == other.current.version != before
    async with store.transaction() as tx:
        [entry] = await kinds_of(tx, EntryKind.POLICY_CHANGED)
    assert (entry.payload["before"], entry.payload["after"]) == (before, one.current.version)
    (at / "policy.yaml").write_text(BROKEN)
    for _ in range(3):
        await look_once(one, store)
        await look_once(other, store)
    async with store.transaction() as tx:
        [refused] = await kinds_of(tx, EntryKind.POLICY_REFUSED)
    assert refused.payload["in_force"] == one.current.version
    assert "policy.yaml:2" in str(refused.payload["problem"])


async def test_what_cannot_be_recorded_is_not_taken_up(store: Store, at: Path) -> None:
    policies = PolicyInForce(at)
    before = policies.current
    (at / "policy.yaml").write_text(STRICTER)
    async with store.transaction() as tx:
        await tx.execute(text("ALTER TABLE ledger RENAME TO elsewhere"))
    for _ in range(3):
        assert await look_once(policies, store) is None
    assert policies.current is before
    async with store.transaction() as tx:
        await tx.execute(text("ALTER TABLE elsewhere RENAME TO ledger"))
    assert isinstance(await look_once(policies, store), Changed)


async def test_a_change_while_nothing_ran_is_recorded_at_the_start(store: Store, at: Path) -> None:
    policies = PolicyInForce(at)
    (at / "policy.yaml").write_text(STRICTER)
    for _ in range(2):
        await look_once(policies, store)
    (at / "policy.yaml").write_text(ASK_ALL.replace("approvals: 1", "approvals: 3"))
    fresh = PolicyInForce(at)
    watching = asyncio.ensure_future(watch_policy(fresh, store, every=60))
    entries: list[object] = []
    try:
        async with asyncio.timeout(60):
            while len(entries) < 2:
                await asyncio.sleep(0.05)
                async with store.transaction() as tx:
                    entries = [one.payload["after"] for one in await kinds_of(tx, EntryKind.POLICY_CHANGED)]
    finally:
        watching.cancel()
    assert entries == [policies.current.version, fresh.current.version]
