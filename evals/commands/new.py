"""`midwatch eval new FAMILY NAME`: a commented scenario that loads as it is."""

import os
from pathlib import Path

from evals.harness.scenarios import ESTATES, LIBRARY
from evals.report import terminal

USAGE = 2
TEMPLATE = """\
# What a person who looks at the list reads: what is wrong, in one sentence.
title: "{title}"
# The estate before anything happens: {estates}.
# What is written under `estate:` below is laid over it (workloads are merged by name).
base: {base}
# The moment at which Midwatch begins to look. Everything else is relative to it: -12m is twelve minutes before.
now: 2026-11-20T10:00:00Z
# What really breaks. Kinds: {kinds}.
faults:
  - kind: deploy
    at: -12m
    workload: shop/checkout  # namespace/name
    change: {{memory_limit: 256Mi}}
    message: Lower the memory limit
# What happens besides and is innocent: whoever blames it is wrong.
decoys:
  - {{kind: deploy, at: -30m, workload: shop/web, change: {{tag: 3.18.3}}, message: New footer links}}
# What cannot be seen, if anything: unavailable (503) or forbidden (403) sources, metrics that nobody scrapes.
# visibility: {{unavailable: [loki], missing_metrics: [container_]}}
# What an expert who knows everything would say: a cause of `midwatch runbooks list` and where it is
# (namespace/kind/name), or `healthy: true`, or `inconclusive: true` where nobody can know.
truth:
  cause: memory_limit_too_low
  entity: shop/deployment/checkout
  # Kinds of action that repair it, and those that must not even be proposed.
  actions: [rollback_workload, set_resources]
  must_not: [restart_workload, cordon_node]
notes: Why this is hard, and what tells the cause from the decoys.
"""


def new_command(family: str, name: str, *, folder: Path | None = None) -> int:
    """Write it; 2 when it is there already or its name cannot be."""
    from worlds.faults.fault import kinds

    console, home = terminal.terminal(), folder or LIBRARY
    path = home / family / f"{name}.yaml"
    if not name.replace("-", "").isalnum() or name != name.lower():
        console.print(f"{name!r} is no name: write small letters, digits and hyphens", markup=False)
        return USAGE
    if path.exists():
        console.print(f"{path} is there already: choose another name", markup=False, soft_wrap=True)
        return USAGE
    estates = sorted(file.stem for file in (LIBRARY / ESTATES).glob("*.yaml") if not file.stem.endswith("rules"))
    base = Path(os.path.relpath(LIBRARY / ESTATES / "shop.yaml", path.parent)).as_posix()
    text = TEMPLATE.format(
        title=name.replace("-", " ").capitalize(),
        base=base,
        kinds=", ".join(sorted(kinds())),
        estates=", ".join(estates),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    console.print(f"written to {path}; next: midwatch eval check {path}", markup=False, soft_wrap=True)
    return 0
