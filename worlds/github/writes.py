"""What can be changed over GitHub's API: the Git database, branches, pull requests, workflow runs."""

import base64
from collections.abc import Callable
from typing import Literal

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict

from worlds.github.access import may_read, may_write, not_found, unprocessable
from worlds.github.reads import Reads, page
from worlds.github.shapes import Shapes
from worlds.instances import endpoint
from worlds.objects.kinds import JsonObject
from worlds.repository.forge import Forge, PullRequest
from worlds.repository.git import Person, Repository, UnknownRevisionError, blob_id, tree_id

_BOT = Person(name="Midwatch", email="midwatch@bots.example")


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class NewBlob(_Body):
    """POST /git/blobs."""

    content: str
    encoding: Literal["utf-8", "base64"] = "utf-8"


class TreeEntry(_Body):
    """One entry of a new tree; sha null removes the file."""

    path: str
    mode: str = "100644"
    type: str = "blob"
    sha: str | None = None
    content: str | None = None


class NewTree(_Body):
    """POST /git/trees."""

    tree: list[TreeEntry]
    base_tree: str = ""


class NewCommit(_Body):
    """POST /git/commits."""

    message: str
    tree: str
    parents: list[str]


class NewReference(_Body):
    """POST /git/refs."""

    ref: str
    sha: str


class MovedReference(_Body):
    """PATCH /git/refs/REF."""

    sha: str
    force: bool = False


class NewPull(_Body):
    """POST /pulls."""

    title: str
    head: str
    base: str
    body: str = ""


class NewContent(_Body):
    """PUT /contents/PATH."""

    message: str
    content: str
    sha: str = ""
    branch: str = ""


class Merge(_Body):
    """PUT /pulls/N/merge."""

    commit_title: str = ""
    sha: str = ""
    merge_method: str = "merge"


def add_routes(routes: FastAPI) -> None:
    """Add the routes that change something, and those that read what they made."""
    base = "/repos/{owner}/{name}"
    for method, path, handler, code in (
        ("GET", "/git/ref/{ref:path}", Writes.reference, 200),
        ("GET", "/git/commits/{sha}", Writes.git_commit, 200),
        ("GET", "/git/trees/{sha}", Writes.tree, 200),
        ("GET", "/git/blobs/{sha}", Writes.blob, 200),
        ("GET", "/pulls", Writes.pulls, 200),
        ("GET", "/pulls/{number}", Writes.pull, 200),
        ("POST", "/git/blobs", Writes.add_blob, 201),
        ("POST", "/git/trees", Writes.add_tree, 201),
        ("POST", "/git/commits", Writes.add_commit, 201),
        ("POST", "/git/refs", Writes.add_reference, 201),
        ("PATCH", "/git/refs/{ref:path}", Writes.move_reference, 200),
        ("DELETE", "/git/refs/{ref:path}", Writes.delete_reference, 204),
        ("PUT", "/contents/{path:path}", Writes.put_content, 201),
        ("POST", "/pulls", Writes.open_pull, 201),
        ("PATCH", "/pulls/{number}", Writes.edit_pull, 200),
        ("PUT", "/pulls/{number}/merge", Writes.merge, 200),
        ("POST", "/actions/runs/{number}/rerun", Writes.rerun, 201),
        ("POST", "/actions/workflows/{workflow}/dispatches", Writes.dispatch, 204),
    ):
        routes.add_api_route(
            base + path,
            endpoint(Writes, handler),
            methods=[method],
            dependencies=[Depends(may_read if method == "GET" else may_write)],
            status_code=code,
            response_model=None,
        )


class Writes:
    """Handlers of changing requests. A commit that reaches the default branch is told to the forge's listeners."""

    def __init__(self, forge: Forge, shapes: Shapes, now: Callable[[], float]) -> None:
        self._forge = forge
        self._shapes = shapes
        self._now = now
        self._reads = Reads(forge, shapes)

    async def reference(self, owner: str, name: str, ref: str) -> JsonObject:
        """GET /git/ref/heads/BRANCH."""
        repository = self._reads.find(owner, name)
        return self._shapes.reference(repository, self._branch(repository, ref))

    async def git_commit(self, owner: str, name: str, sha: str) -> JsonObject:
        """GET /git/commits/SHA."""
        repository = self._reads.find(owner, name)
        return self._shapes.git_commit(repository, self._reads.at(repository, sha))

    async def tree(self, owner: str, name: str, sha: str) -> JsonObject:
        """GET /git/trees/SHA: always the whole tree, as with recursive=1."""
        repository = self._reads.find(owner, name)
        try:
            tree = sha if sha in repository.loose_trees else repository.resolve(sha).tree
            files = repository.tree_files(tree)
        except UnknownRevisionError:
            tree, files = sha, self._tree_files(repository, sha)
        entries = [
            {"path": p, "mode": "100644", "type": "blob", "sha": blob_id(t), "size": len(t.encode())}
            for p, t in sorted(files.items())
        ]
        return {"sha": tree, "tree": entries, "truncated": False}

    async def blob(self, owner: str, name: str, sha: str) -> JsonObject:
        """GET /git/blobs/SHA."""
        try:
            text = self._reads.find(owner, name).blob(sha)
        except UnknownRevisionError as error:
            raise not_found() from error
        return {
            "sha": sha,
            "size": len(text.encode()),
            "encoding": "base64",
            "content": base64.b64encode(text.encode()).decode(),
        }

    async def add_blob(self, owner: str, name: str, body: NewBlob) -> JsonObject:
        """POST /git/blobs."""
        text = base64.b64decode(body.content).decode() if body.encoding == "base64" else body.content
        self._reads.find(owner, name).loose_blobs[blob_id(text)] = text
        return {"sha": blob_id(text), "url": self._shapes.api(f"{owner}/{name}", f"git/blobs/{blob_id(text)}")}

    async def add_tree(self, owner: str, name: str, body: NewTree) -> JsonObject:
        """POST /git/trees."""
        repository = self._reads.find(owner, name)
        files = dict(self._tree_files(repository, body.base_tree)) if body.base_tree else {}
        for entry in body.tree:
            if entry.content is not None:
                files[entry.path] = entry.content
            elif entry.sha is None:
                files.pop(entry.path, None)
            else:
                try:
                    files[entry.path] = repository.blob(entry.sha)
                except UnknownRevisionError as error:
                    raise unprocessable(f"tree.sha {entry.sha} is not a valid blob") from error
        sha = tree_id(files)
        repository.loose_trees[sha] = files
        return {"sha": sha, "tree": [{"path": path, "sha": blob_id(text)} for path, text in sorted(files.items())]}

    async def add_commit(self, owner: str, name: str, body: NewCommit) -> JsonObject:
        """POST /git/commits."""
        repository = self._reads.find(owner, name)
        files = self._tree_files(repository, body.tree)
        parents = tuple(self._reads.at(repository, parent).sha for parent in body.parents)
        made = repository.commit(files, author=_BOT, at=self._now(), message=body.message, parents=parents, branch="")
        return self._shapes.git_commit(repository, made)

    async def add_reference(self, owner: str, name: str, body: NewReference) -> JsonObject:
        """POST /git/refs."""
        repository = self._reads.find(owner, name)
        branch = body.ref.removeprefix("refs/heads/")
        if branch in repository.branches:
            raise unprocessable("Reference already exists")
        try:
            repository.branches[branch] = self._reads.at(repository, body.sha).sha
        except HTTPException:
            raise unprocessable("Object does not exist") from None
        return self._shapes.reference(repository, branch)

    async def move_reference(self, owner: str, name: str, ref: str, body: MovedReference) -> JsonObject:
        """PATCH /git/refs/heads/BRANCH."""
        repository = self._reads.find(owner, name)
        branch = self._branch(repository, ref)
        self._move(repository, branch, self._reads.at(repository, body.sha).sha, force=body.force)
        return self._shapes.reference(repository, branch)

    async def delete_reference(self, owner: str, name: str, ref: str) -> Response:
        """DELETE /git/refs/heads/BRANCH."""
        repository = self._reads.find(owner, name)
        del repository.branches[self._branch(repository, ref)]
        return Response(status_code=204)

    async def put_content(self, owner: str, name: str, path: str, body: NewContent) -> JsonObject:
        """PUT /contents/PATH: one file in one commit."""
        repository = self._reads.find(owner, name)
        branch = body.branch or repository.default_branch
        tip = self._reads.at(repository, branch)
        if path in tip.files and body.sha != blob_id(tip.files[path]):
            raise HTTPException(409, f"{path} does not match {body.sha}")
        files = {**tip.files, path: base64.b64decode(body.content).decode()}
        made = repository.commit(
            files, author=_BOT, at=self._now(), message=body.message, parents=(tip.sha,), branch=branch
        )
        if branch == repository.default_branch:
            self._forge.pushed(repository, made)
        return {
            "content": self._shapes.content(repository, path, files[path]),
            "commit": self._shapes.git_commit(repository, made),
        }

    async def pulls(self, owner: str, name: str, request: Request, response: Response) -> list[JsonObject]:
        """GET /pulls with state and head."""
        repository, asked = self._reads.find(owner, name), request.query_params
        state, head = asked.get("state", "open"), asked.get("head", "").rpartition(":")[2]
        mine = [p for p in self._forge.pulls if p.repository == repository.name and state in {"all", p.state}]
        found = [p for p in mine if not head or p.head == head]
        return [self._shapes.pull(repository, p) for p in page(found[::-1], request, response)]

    async def pull(self, owner: str, name: str, number: int) -> JsonObject:
        """GET /pulls/N."""
        return self._shapes.pull(self._reads.find(owner, name), self._pull(owner, name, number))

    async def open_pull(self, owner: str, name: str, body: NewPull) -> JsonObject:
        """POST /pulls."""
        repository = self._reads.find(owner, name)
        head = body.head.rpartition(":")[2]
        if head not in repository.branches or body.base not in repository.branches:
            raise unprocessable("Validation Failed: head or base does not exist")
        if any((p.repository, p.head, p.state) == (repository.name, head, "open") for p in self._forge.pulls):
            raise unprocessable(f"Validation Failed: A pull request already exists for {owner}:{head}.")
        made = PullRequest(
            number=self._forge.next_id(400),
            repository=repository.name,
            title=body.title,
            body=body.body,
            head=head,
            base=body.base,
            author=_BOT,
            created=self._now(),
        )
        self._forge.pulls.append(made)
        return self._shapes.pull(repository, made)

    async def edit_pull(self, owner: str, name: str, number: int, request: Request) -> JsonObject:
        """PATCH /pulls/N: title, body, state."""
        one, body = self._pull(owner, name, number), await request.json()
        one.title, one.body = body.get("title", one.title), body.get("body", one.body)
        if body.get("state") in {"open", "closed"} and one.merged is None:
            one.state = body["state"]
        return self._shapes.pull(self._reads.find(owner, name), one)

    async def merge(self, owner: str, name: str, number: int, body: Merge | None = None) -> JsonObject:
        """PUT /pulls/N/merge."""
        repository, one = self._reads.find(owner, name), self._pull(owner, name, number)
        if one.state != "open":
            raise HTTPException(405, "Pull Request is not mergeable")
        head, base = repository.resolve(one.head), repository.resolve(one.base)
        if body and body.sha and body.sha != head.sha:
            raise HTTPException(409, "Head branch was modified. Review and try the merge again.")
        files = self._merged(repository, base.sha, head.sha)
        message = (
            body.commit_title if body else ""
        ) or f"Merge pull request #{one.number} from {owner}/{one.head}\n\n{one.title}"
        made = repository.commit(
            files, author=_BOT, at=self._now(), message=message, parents=(base.sha, head.sha), branch=one.base
        )
        one.state, one.merged, one.merge_sha = "closed", self._now(), made.sha
        if one.base == repository.default_branch:
            self._forge.pushed(repository, made)
        return {"sha": made.sha, "merged": True, "message": "Pull Request successfully merged"}

    async def rerun(self, owner: str, name: str, number: int) -> JsonObject:
        """POST /actions/runs/ID/rerun."""
        run = self._reads.find_run(owner, name, number)
        run.attempt, run.updated, run.status, run.conclusion = run.attempt + 1, self._now(), "completed", "success"
        return {}

    async def dispatch(self, owner: str, name: str, workflow: str, request: Request) -> Response:
        """POST /actions/workflows/W/dispatches."""
        repository, body = self._reads.find(owner, name), await request.json()
        commit = self._reads.at(repository, body.get("ref", repository.default_branch))
        short = workflow.rpartition("/")[2].partition(".")[0]
        self._forge.run(
            repository, commit, workflow=short, created=self._now(), updated=self._now(), event="workflow_dispatch"
        )
        return Response(status_code=204)

    def _merged(self, repository: Repository, base: str, head: str) -> dict[str, str]:
        """Merge three-way by whole files. Raises 405 when both sides changed the same file differently."""
        common = repository.merge_base(base, head)
        old = common.files if common else {}
        ours, theirs = repository.commits[base].files, repository.commits[head].files
        merged = dict(ours)
        for path in {*old, *theirs}:
            if theirs.get(path) == old.get(path) or theirs.get(path) == ours.get(path):
                continue
            if ours.get(path) != old.get(path):
                raise HTTPException(405, "Merge conflict")
            if path in theirs:
                merged[path] = theirs[path]
            else:
                merged.pop(path, None)
        return merged

    def _move(self, repository: Repository, branch: str, sha: str, *, force: bool) -> None:
        if not force and repository.branches[branch] not in {commit.sha for commit in repository.history(sha)}:
            raise unprocessable("Update is not a fast forward")
        repository.branches[branch] = sha
        if branch == repository.default_branch:
            self._forge.pushed(repository, repository.commits[sha])

    def _branch(self, repository: Repository, ref: str) -> str:
        branch = ref.removeprefix("refs/").removeprefix("heads/")
        if branch not in repository.branches:
            raise not_found()
        return branch

    def _tree_files(self, repository: Repository, sha: str) -> dict[str, str]:
        try:
            return dict(repository.tree_files(sha))
        except UnknownRevisionError:
            return dict(self._reads.at(repository, sha).files)

    def _pull(self, owner: str, name: str, number: int) -> PullRequest:
        for one in self._forge.pulls:
            if (one.repository, one.number) == (f"{owner}/{name}", number):
                return one
        raise not_found()
