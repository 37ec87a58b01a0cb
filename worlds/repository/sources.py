"""The source code beside the manifests: small, plausible, and changing a little with every release."""

from worlds.cluster.chance import Chance
from worlds.scenario.workload import Workload

_GO = """package server

import (
\t"context"
\t"net/http"
\t"time"
)

// Settings of the HTTP server of {name}.
const (
\treadTimeout     = {a} * time.Second
\tmaxIdleConns    = {b}
\tcacheEntries    = {c}00
)

// Requests that are counted by name.
var counted = []string{{{names}}}

type Server struct {{
\tclient *http.Client
\tcache  *Cache
}}

func (s *Server) Handle(ctx context.Context, req *Request) (*Response, error) {{
\tctx, cancel := context.WithTimeout(ctx, readTimeout)
\tdefer cancel()
\tif hit, ok := s.cache.Get(req.Key()); ok {{
\t\treturn hit, nil
\t}}
\tresp, err := s.fetch(ctx, req)
\tif err != nil {{
\t\treturn nil, err
\t}}
\ts.cache.Put(req.Key(), resp)
\treturn resp, nil
}}
"""

_PYTHON = '''"""HTTP handlers of {name}."""

READ_TIMEOUT_SECONDS = {a}
POOL_SIZE = {b}
CACHE_ENTRIES = {c}00
COUNTED = ({names},)


async def handle(request, *, cache, client):
    """Answer one request."""
    if (hit := cache.get(request.key)) is not None:
        return hit
    response = await client.fetch(request, timeout=READ_TIMEOUT_SECONDS)
    cache.put(request.key, response)
    return response
'''

_JAVA = """package com.{name};

public final class Handler {{
  private static final int READ_TIMEOUT_SECONDS = {a};
  private static final int POOL_SIZE = {b};
  private static final int CACHE_ENTRIES = {c}00;
  private static final List<String> COUNTED = List.of({names});

  public Response handle(Request request) {{
    return cache.computeIfAbsent(request.key(), key -> client.fetch(request, READ_TIMEOUT_SECONDS));
  }}
}}
"""

_NODE = """'use strict';

const READ_TIMEOUT_MS = {a}000;
const MAX_SOCKETS = {b};
const CACHE_ENTRIES = {c}00;
const COUNTED = [{names}];

async function handle(req, res, {{ cache, client }}) {{
  const hit = cache.get(req.key);
  if (hit) return res.json(hit);
  const body = await client.fetch(req, {{ timeout: READ_TIMEOUT_MS }});
  cache.set(req.key, body);
  return res.json(body);
}}

module.exports = {{ handle }};
"""

_SOURCES = {
    "go": ("internal/server/server.go", _GO),
    "python": ("app/handlers.py", _PYTHON),
    "java": ("src/main/java/com/app/Handler.java", _JAVA),
    "node": ("src/handler.js", _NODE),
}

# What ordinary releases add to: names of requests that are counted. Settings are changed by scenarios that say so.
_COUNTED = ("list", "detail", "search", "create", "update", "export", "import", "health", "batch", "summary")

_SUBJECTS = (
    "Count more requests by name",
    "Add request id to log lines",
    "Count searches too",
    "Refactor handler for readability",
    "Tidy up names of metrics",
    "Say more in the README",
    "Sort what is counted",
)


def source_files(workload: Workload, *, release: int, chance: Chance) -> dict[str, str]:
    """Return the source files at a release's number. Numbers next to each other differ in a line."""
    path, text = _SOURCES.get(
        workload.language, ("config/server.conf", "workers {a}\nmax_connections {b}0\n# release {release}\n")
    )

    def figure(name: str, low: int, high: int) -> int:
        return int(chance.between(low, high, "source", workload.key, name))

    name = workload.name.replace("-", "")
    names = ", ".join(f'"{one}"' for one in _COUNTED[: 2 + release % (len(_COUNTED) - 1)])
    body = text.format(
        name=name, names=names, a=figure("a", 2, 9), b=figure("b", 16, 96), c=figure("c", 5, 40), release=release
    )
    readme = f"# {workload.name}\n\nOwned by team {workload.team}.\n"
    owners = f"* @{workload.team}\n"
    return {path: body, "README.md": readme, ".github/CODEOWNERS": owners}


def subject(workload: Workload, *, release: int, chance: Chance) -> str:
    """Return a commit subject for a release without one."""
    return _SUBJECTS[int(chance.between(0, len(_SUBJECTS), "subject", workload.key, release))]
