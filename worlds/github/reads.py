"""What GitHub tells: commits, comparisons, files, deployments, workflow runs."""

from datetime import datetime
from typing import Any

from fastapi import Depends, FastAPI, Request, Response

from worlds.github.access import may_read, not_found
from worlds.github.shapes import Shapes
from worlds.instances import endpoint
from worlds.objects.kinds import JsonObject
from worlds.repository.forge import Forge, WorkflowRun
from worlds.repository.git import Commit, Repository, UnknownRevisionError

_LARGEST_PAGE = 100


def add_routes(routes: FastAPI) -> None:
    """Add the routes that read."""
    base = "/repos/{owner}/{name}"
    for path, handler in (
        ("", Reads.repository),
        ("/commits", Reads.commits),
        ("/commits/{ref:path}", Reads.commit),
        ("/compare/{spec:path}", Reads.compare),
        ("/contents/{path:path}", Reads.contents),
        ("/branches/{branch:path}", Reads.branch),
        ("/deployments", Reads.deployments),
        ("/deployments/{number}", Reads.deployment),
        ("/deployments/{number}/statuses", Reads.deployment_statuses),
        ("/actions/runs", Reads.runs),
        ("/actions/runs/{number}", Reads.run),
    ):
        routes.add_api_route(base + path, endpoint(Reads, handler), methods=["GET"], dependencies=[Depends(may_read)])


class Reads:
    """Handlers of reading requests."""

    def __init__(self, forge: Forge, shapes: Shapes) -> None:
        self._forge = forge
        self._shapes = shapes

    def find(self, owner: str, name: str) -> Repository:
        """Return a repository. Raises 404."""
        found = self._forge.repositories.get(f"{owner}/{name}")
        if found is None:
            raise not_found()
        return found

    def at(self, repository: Repository, ref: str) -> Commit:
        """Return a commit by any name. Raises 404."""
        try:
            return repository.resolve(ref)
        except UnknownRevisionError as error:
            raise not_found() from error

    async def repository(self, owner: str, name: str) -> JsonObject:
        """GET /repos/O/R."""
        return self._shapes.repository(self.find(owner, name))

    async def commits(self, owner: str, name: str, request: Request, response: Response) -> list[JsonObject]:
        """GET /commits with sha, path, author, since, until."""
        repository, asked = self.find(owner, name), request.query_params
        start = self.at(repository, asked.get("sha") or repository.default_branch)
        since, until = _time(asked.get("since")), _time(asked.get("until"))
        path = asked.get("path", "")
        found = [
            commit
            for commit in repository.history(start.sha)
            if (since is None or commit.at >= since)
            and (until is None or commit.at <= until)
            and (
                not path
                or any(c.path == path or c.path.startswith(path.rstrip("/") + "/") for c in repository.changes(commit))
            )
        ]
        return [self._shapes.commit(repository, commit) for commit in page(found, request, response)]

    async def commit(self, owner: str, name: str, ref: str) -> JsonObject:
        """GET /commits/REF, with files."""
        repository = self.find(owner, name)
        commit = self.at(repository, ref)
        return self._shapes.commit(repository, commit, files=repository.changes(commit))

    async def compare(self, owner: str, name: str, spec: str) -> JsonObject:
        """GET /compare/A...B."""
        repository = self.find(owner, name)
        left, dots, right = spec.partition("...")
        if not dots:
            raise not_found()
        base, head = self.at(repository, left), self.at(repository, right)
        common = repository.merge_base(base.sha, head.sha)
        reached = {commit.sha for commit in repository.history(base.sha)}
        ahead = [commit for commit in repository.history(head.sha) if commit.sha not in reached]
        from_head = {commit.sha for commit in repository.history(head.sha)}
        behind = [sha for sha in reached if sha not in from_head]
        status = (
            "identical" if base.sha == head.sha else "diverged" if ahead and behind else "ahead" if ahead else "behind"
        )
        files = repository.difference(common, head)
        return {
            "status": status,
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "base_commit": self._shapes.commit(repository, base),
            "merge_base_commit": self._shapes.commit(repository, common) if common else None,
            "commits": [self._shapes.commit(repository, commit) for commit in reversed(ahead)],
            "files": [self._shapes.file(repository, head, change) for change in files],
            "html_url": self._shapes.html(repository.name, f"compare/{spec}"),
        }

    async def contents(self, owner: str, name: str, path: str, request: Request) -> Any:
        """GET /contents/PATH of a file or a folder."""
        repository = self.find(owner, name)
        files = self.at(repository, request.query_params.get("ref") or repository.default_branch).files
        if path in files:
            return self._shapes.content(repository, path, files[path])
        prefix = f"{path.strip('/')}/" if path.strip("/") else ""
        names = sorted(
            {rest.partition("/")[0] for known in files if known.startswith(prefix) and (rest := known[len(prefix) :])}
        )
        if not names:
            raise not_found()
        return [{"type": "file" if prefix + n in files else "dir", "name": n, "path": prefix + n} for n in names]

    async def branch(self, owner: str, name: str, branch: str) -> JsonObject:
        """GET /branches/BRANCH."""
        repository = self.find(owner, name)
        if branch not in repository.branches:
            raise not_found()
        return {
            "name": branch,
            "commit": self._shapes.commit(repository, repository.resolve(branch)),
            "protected": branch == repository.default_branch,
        }

    async def deployments(self, owner: str, name: str, request: Request, response: Response) -> list[JsonObject]:
        """GET /deployments, newest first, with environment, ref and sha."""
        repository, asked = self.find(owner, name), request.query_params
        found = [d for d in self._forge.deployments if d.repository == repository.name]
        for key in ("environment", "sha"):
            if asked.get(key):
                found = [d for d in found if getattr(d, key) == asked[key]]
        found.sort(key=lambda d: -d.at)
        return [self._shapes.deployment(d) for d in page(found, request, response)]

    async def deployment(self, owner: str, name: str, number: int) -> JsonObject:
        """GET /deployments/ID."""
        for one in self._forge.deployments:
            if (one.repository, one.id) == (f"{owner}/{name}", number):
                return self._shapes.deployment(one)
        raise not_found()

    async def deployment_statuses(self, owner: str, name: str, number: int) -> list[JsonObject]:
        """GET /deployments/ID/statuses, newest first."""
        for one in self._forge.deployments:
            if (one.repository, one.id) == (f"{owner}/{name}", number):
                return [self._shapes.deployment_status(one, status) for status in reversed(one.statuses)]
        raise not_found()

    async def runs(self, owner: str, name: str, request: Request, response: Response) -> JsonObject:
        """GET /actions/runs, newest first, with head_sha, branch, event and status."""
        repository, asked = self.find(owner, name), request.query_params
        found = [r for r in self._forge.runs if r.repository == repository.name]
        for key, field in (("head_sha", "sha"), ("branch", "branch"), ("event", "event")):
            if asked.get(key):
                found = [r for r in found if getattr(r, field) == asked[key]]
        if asked.get("status"):
            found = [r for r in found if asked["status"] in {r.status, r.conclusion}]
        found.sort(key=lambda r: -r.created)
        return {
            "total_count": len(found),
            "workflow_runs": [self._shapes.run(r) for r in page(found, request, response)],
        }

    async def run(self, owner: str, name: str, number: int) -> JsonObject:
        """GET /actions/runs/ID."""
        return self._shapes.run(self.find_run(owner, name, number))

    def find_run(self, owner: str, name: str, number: int) -> WorkflowRun:
        """Return a workflow run. Raises 404."""
        for one in self._forge.runs:
            if (one.repository, one.id) == (f"{owner}/{name}", number):
                return one
        raise not_found()


def page(items: list[Any], request: Request, response: Response) -> list[Any]:
    """Return the asked page and set the Link header."""
    size = min(int(request.query_params.get("per_page", "30")), _LARGEST_PAGE)
    number = max(int(request.query_params.get("page", "1")), 1)
    if number * size < len(items):
        following = request.url.include_query_params(page=number + 1)
        last = request.url.include_query_params(page=-(-len(items) // size))
        response.headers["Link"] = f'<{following}>; rel="next", <{last}>; rel="last"'
    return items[(number - 1) * size : number * size]


def _time(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
