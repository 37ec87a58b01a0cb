"""Proposes to take a commit back where it was made: a branch, a revert commit and a pull request with the reasons.

Nothing is pushed to a branch that exists; a person merges, and it has taken effect when the merge was deployed. The
branch's name carries the key, so that doing it twice finds the first. Undo closes the pull request and deletes the
branch.
"""

from datetime import datetime

from incidents.action import (
    ActionOutcome,
    ActionRequest,
    BlastRadius,
    Fence,
    FieldChange,
    Preview,
    Reversibility,
    Snapshot,
)
from incidents.canonical import digest_of, short
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind
from incidents.reach import reach
from incidents.topology import Topology
from tools.action import ActionCard, Applied, Progress, WaitsFor
from tools.errors import ConflictError, NotFoundError, PermanentError
from tools.estate import WriteCluster
from tools.github.client import SYSTEM, ChangedFile, GitHubClient, PullRequest
from tools.github.delivery import delivery_of
from tools.github.git_data import (
    change_pull,
    create_branch,
    create_commit,
    create_tree,
    delete_branch,
    has_branch,
    open_pull,
    tree_id,
)
from tools.github.revert import RevertPlan, plan_revert, reverted_files
from tools.observing import configured

PREFIX = "midwatch/revert"
SHOWN_LINES = 12
"""Lines of one file's change that a card shows."""
INCIDENT = "midwatch.dev/incident"


class RevertPullRequest:
    """See the module."""

    card = ActionCard(
        kind=ActionKind("revert_pull_request"),
        title="Open a pull request that reverts a commit",
        describe="Branch, revert commit and pull request with the reasons. Takes effect when a person merges it.",
        targets=(EntityKind.REPOSITORY,),
        arguments={
            "commit": "sha of the commit to revert; of a merge commit, what it merged",
            "pull_request": "number of the merged pull request, when the commit is not given",
        },
        reversibility=Reversibility.EXACT,
        undo_seconds=5,
    )

    async def capture(self, cluster: WriteCluster, request: ActionRequest) -> Snapshot:
        """Find out what the revert would be. Raises ConflictError when later commits touch the same lines."""
        plan = await _plan(cluster, request)
        touched = {file.path: file.before.sha if file.before else "" for file in plan.files}
        content = digest_of({"commit": plan.commit.sha, "parent": plan.parent, "files": touched})
        return Snapshot(
            target=request.target,
            taken_at=cluster.clock.now(),
            fence=Fence(uid=plan.repository, content=content, facets={"commit": plan.commit.sha}),
            state=plan.model_dump_json(),
        )

    async def preview(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot) -> Preview:  # noqa: ARG002 - an action's form
        """The files and lines that go back, computed from the commit: the git data API has no dry-run."""
        plan = RevertPlan.model_validate_json(snapshot.state)
        _, files = await _client(cluster).commit(plan.repository, plan.commit.sha)
        touched = {file.path for file in plan.files}
        diff = tuple(_field(file) for file in files if file.path in touched)
        merged = [file.path for file in plan.files if file.merged]
        warnings = [f"takes effect when a person merges it into {plan.branch}"]
        warnings += [f"{path} changed since: only the commit's own lines go back" for path in merged]
        refusal = None if plan.files else f"{plan.commit.sha[:7]} has been reverted already: nothing of it is left"
        return Preview(
            accepted=refusal is None,
            by="computed: the git data API has no dry-run",
            diff=diff,
            warnings=tuple(warnings),
            refusal=refusal,
        )

    def blast_radius(self, request: ActionRequest, topology: Topology) -> BlastRadius:
        """What is built from the repository, once somebody merges."""
        return reach(request.target, topology)

    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:  # noqa: ARG002 - an action's form
        """What is done, and its undo."""
        plan = RevertPlan.model_validate_json(snapshot.state)
        did = f"Open a pull request in {plan.repository} that reverts {plan.commit.sha[:7]} ({plan.commit.title})"
        return did, "close the pull request and delete its branch, about 5 s"

    async def apply(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Make branch, commit and pull request; what a first try left is gone on with. Raises ConflictError."""
        client, approved = _client(cluster), RevertPlan.model_validate_json(snapshot.state)
        branch = branch_of(approved, key)
        if (pull := await _pull(client, approved.repository, branch)) is not None:
            return Applied(detail=f"pull request #{pull.number} is there already", resource_version=str(pull.number))
        now = await self.capture(cluster, request)
        plan = RevertPlan.model_validate_json(now.state)
        if now.fence.content != snapshot.fence.content:
            raise ConflictError(f"the files of {plan.commit.sha[:7]} changed since the revert was proposed: look again")
        if not await has_branch(client, plan.repository, branch):
            await _branch(client, plan, branch=branch, message=_message(plan, request, cluster))
        pull = await open_pull(
            client,
            plan.repository,
            title=f'Revert "{plan.commit.title}"'[:200],
            body=_body(plan, request, cluster, key=key),
            head=branch,
            base=plan.branch,
        )
        return Applied(detail=f"opened {pull.url or f'#{pull.number}'}", resource_version=str(pull.number))

    async def observe(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Progress:  # noqa: ARG002 - an action's form
        """Look for the pull request that carries this key: open it waits for people, merged for its deploy."""
        plan = RevertPlan.model_validate_json(snapshot.state)
        pull = await _by_key(_client(cluster), plan, key)
        if pull is None:
            return Progress(outcome=ActionOutcome.NOT_HAPPENED, done=False, text="no pull request with this key")
        if pull.merged_at is not None:
            return await _delivery(cluster, plan, pull, merged_at=pull.merged_at)
        if pull.state == "open":
            return Progress(
                outcome=ActionOutcome.HAPPENED,
                done=False,
                text=f"pull request #{pull.number} is open and waits for somebody to merge it: {pull.url}",
                waits_for=WaitsFor.PERSON,
                since=pull.created_at,
            )
        if _taken_back(key) in pull.body:
            return Progress(outcome=ActionOutcome.HAPPENED, done=True, text=f"pull request #{pull.number} is closed")
        text = f"pull request #{pull.number} was closed without being merged"
        return Progress(outcome=ActionOutcome.NOT_HAPPENED, done=True, text=text)

    async def undo(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:  # noqa: ARG002 - an action's form
        """Close the pull request and delete its branch. Raises ConflictError when it was merged meanwhile."""
        client, plan = _client(cluster), RevertPlan.model_validate_json(snapshot.state)
        pull = await _own(client, plan, cluster)
        if pull is None:
            raise NotFoundError(f"{plan.repository} has no pull request of this incident that reverts the commit")
        if pull.merged_at is not None:
            raise ConflictError(f"pull request #{pull.number} was merged: revert it by hand if it is not wanted")
        if _tag(key) not in pull.body:
            body = f"{pull.body}\n\n{_taken_back(key)}"
            await change_pull(client, plan.repository, pull.number, state="closed", body=body)
        if await has_branch(client, plan.repository, pull.head):
            await delete_branch(client, plan.repository, pull.head)
        return Applied(detail=f"closed #{pull.number} and deleted {pull.head}", resource_version=str(pull.number))


def branch_of(plan: RevertPlan, key: str) -> str:
    """The branch of a key: the same key gives the same branch."""
    return f"{PREFIX}-{plan.commit.sha[:7]}-{short(digest_of(key.encode()), length=12)}"


async def _plan(cluster: WriteCluster, request: ActionRequest) -> RevertPlan:
    repository = Entity.parse(request.target)
    if repository.kind is not EntityKind.REPOSITORY:
        raise PermanentError(f"revert_pull_request is for a repository, not for {repository.label}")
    commit, number = request.arguments.get("commit"), request.arguments.get("pull_request")
    return await plan_revert(
        _client(cluster),
        repository.name,
        commit=str(commit) if commit else None,
        pull_request=int(number) if isinstance(number, int | float | str) and number else None,
    )


def _client(cluster: WriteCluster) -> GitHubClient:
    return configured(cluster.github, system=SYSTEM, cluster=cluster.name)


async def _branch(client: GitHubClient, plan: RevertPlan, *, branch: str, message: str) -> None:
    """The branch with the revert commit on it, made from the head that the plan was read from."""
    base = await tree_id(client, plan.repository, plan.head)
    tree = await create_tree(client, plan.repository, base=base, files=await reverted_files(client, plan))
    commit = await create_commit(client, plan.repository, message=message, tree=tree, parent=plan.head)
    await create_branch(client, plan.repository, branch=branch, commit=commit)


async def _delivery(cluster: WriteCluster, plan: RevertPlan, pull: PullRequest, *, merged_at: datetime) -> Progress:
    """What became of a merged pull request: it has taken effect when its commit was deployed."""
    commit = pull.merge_commit or plan.commit.sha
    seen = await delivery_of(cluster, _client(cluster), plan.repository, commit=commit, since=merged_at)
    merged = f"pull request #{pull.number} is merged"
    if seen is None:
        text = f"{merged}; nothing here tells when it is deployed"
        return Progress(outcome=ActionOutcome.HAPPENED, done=True, text=text)
    waits = None if seen.reached else WaitsFor.DELIVERY
    text = f"{merged}; {seen.text}"
    return Progress(outcome=ActionOutcome.HAPPENED, done=seen.reached, text=text, waits_for=waits, since=merged_at)


async def _pull(client: GitHubClient, repository: str, branch: str) -> PullRequest | None:
    owner = repository.split("/", 1)[0]
    return next(iter(await client.pulls(repository, head=f"{owner}:{branch}")), None)


async def _by_key(client: GitHubClient, plan: RevertPlan, key: str) -> PullRequest | None:
    """The pull request that says this key, of a change or of its undo."""
    return next((pull for pull in await _reverts(client, plan) if _tag(key) in pull.body), None)


async def _own(client: GitHubClient, plan: RevertPlan, cluster: WriteCluster) -> PullRequest | None:
    """The latest revert of the commit for this incident."""
    incident = cluster.labels.get(INCIDENT, "")
    return next((pull for pull in await _reverts(client, plan) if incident in pull.body), None)


async def _reverts(client: GitHubClient, plan: RevertPlan) -> list[PullRequest]:
    prefix = f"{PREFIX}-{plan.commit.sha[:7]}-"
    return [pull for pull in await client.pulls(plan.repository) if pull.head.startswith(prefix)]


def _tag(key: str) -> str:
    return f"<!-- midwatch-key {key} -->"


def _taken_back(key: str) -> str:
    return f"Taken back. {_tag(key)}"


def _message(plan: RevertPlan, request: ActionRequest, cluster: WriteCluster) -> str:
    incident = cluster.labels.get(INCIDENT, "")
    reason = request.reason or "See the pull request."
    return (
        f'Revert "{plan.commit.title}"\n\nThis reverts commit {plan.commit.sha}.\n\n{reason}\n\nIncident: {incident}\n'
    )


def _body(plan: RevertPlan, request: ActionRequest, cluster: WriteCluster, *, key: str) -> str:
    incident = cluster.labels.get(INCIDENT, "")
    files = "\n".join(f"- `{file.path}`{' (later changes stay)' if file.merged else ''}" for file in plan.files)
    return (
        f"Reverts {plan.commit.sha} ({plan.commit.title}, by {plan.commit.author}).\n\n"
        f"**Why:** {request.reason or 'proposed by the incident below'}\n\n"
        f"**Incident:** {incident}\n\n**Files:**\n{files}\n\n"
        f"Approved in Midwatch and opened by it; it takes effect when you merge it.\n\n{_tag(key)}"
    )


def _field(file: ChangedFile) -> FieldChange:
    """The lines that go (what the commit added) and the lines that come back (what it removed)."""
    lines = file.patch.split("\n")
    going = [line[1:] for line in lines if line.startswith("+")]
    coming = [line[1:] for line in lines if line.startswith("-")]
    return FieldChange(path=file.path, before=_shown(going), after=_shown(coming))


def _shown(lines: list[str]) -> str | None:
    if not lines:
        return None
    more = f"\n... {len(lines) - SHOWN_LINES} more lines" if len(lines) > SHOWN_LINES else ""
    return "\n".join(lines[:SHOWN_LINES]) + more


ACTION = RevertPullRequest()
