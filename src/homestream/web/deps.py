"""What the page needs of the running system, and who may ask for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fastapi import APIRouter, Request

from homestream.door.login.credentials import Credentials
from homestream.home import HomeConfig
from homestream.web.hub import Hub


class Query(Protocol):
    """Runs a function of `lake.queries` in a worker thread."""

    def __call__(self, function: Callable[..., Any], /, *args: Any) -> Awaitable[Any]:
        """`function(connection, *args)`'s answer."""


@dataclass(slots=True)
class Deps:
    """The running system as the page sees it; times are ms UTC."""

    #: as now in force; the home's files may change while it runs
    config: HomeConfig
    #: the home's folder; log-ins are kept in its `state/`
    folder: Path
    credentials: Credentials
    hub: Hub
    #: append an ACTION (name, body, source such as `page:admin`); answers its seq once it is on disk
    act: Callable[[str, dict[str, Any], str], Awaitable[int]]
    #: the picture: all that is true now, see `HomeFold.view`
    view: Callable[[], dict[str, Any]]
    #: the home's clock
    now: Callable[[], int]
    query: Query
    status: Callable[[], dict[str, Any]]
    #: the PDF for (since, until)
    report: Callable[[int, int], Awaitable[bytes]]
    #: routes that devices post to; they ask for credentials themselves
    ingest: APIRouter


def of(request: Request) -> Deps:
    """The dependency by which a route gets hold of the running system."""
    deps: Deps = request.app.state.deps
    return deps
