"""When a release is called harmless because its difference was read, and when the pods themselves say otherwise."""

from __future__ import annotations

import pytest

from incidents.fact import Fact
from tests.agents.cases import NOW, case, fact
from tests.agents.cicd.estate import Json, container, detect, rollout, rollouts, scene, seen, template
from tools.github.client import ChangedFile, Commit
from tools.github.probes.history import HistoryView, Written

OLD, NEW = "1111111aaaaaaa", "8f2c1d7bbbbbbb"
WORDS = "@@ -1,3 +1,3 @@\n-# the words of the banner\n+# the words of the new banner\n"
SAID = fact(
    "log.new_pattern", 0, text="warm-up failed: feed schema version 4 is unknown", template="warm-up failed: feed"
)
ONLY_NEW = fact("revision.only_new_fails", 0)


def released(tag: str, sha: str, **env: str) -> Json:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    pod = template(container(image=f"shop/checkout:{tag}", env=variables))
    return {**pod, "metadata": {**pod["metadata"], "annotations": {"org.opencontainers.image.revision": sha}}}


def history() -> HistoryView:
    file = ChangedFile(path="src/checkout/banner.py", status="modified", patch=WORDS)
    commits = (
        Written(
            commit=Commit(sha=NEW, message="New banner", author="dana", committed_at=NOW, parents=(OLD,)), files=(file,)
        ),
        Written(commit=Commit(sha=OLD, message="Banner", author="dana", committed_at=NOW), files=(file,)),
    )
    return HistoryView(repository="shop/checkout", commits=commits)


@pytest.mark.parametrize(
    ("facts", "env", "harmless"),
    [
        pytest.param([SAID], {}, True, id="a difference that cannot do it is harmless"),
        pytest.param([SAID, ONLY_NEW], {}, False, id="only its pods fail: it does it, whatever was read"),
        pytest.param([SAID, ONLY_NEW], {"SSL": "strict"}, True, id="only its pods fail, and a setting came with it: not its code"),
    ],
)  # fmt: skip
def test_a_release_is_harmless_unless_its_own_pods_say_otherwise(
    facts: list[Fact], env: dict[str, str], harmless: bool
) -> None:
    steps = [(-3000.0, released("1.41.0", OLD)), (-5.0, released("1.42.0", NEW, **env))]
    found = detect(
        "matches_failure", rollouts(rollout("checkout", *steps)), seen(history(), "checkout"), of=scene(of=case(*facts))
    )
    assert [one.kind for one in found] == (["change.harmless"] if harmless else [])
