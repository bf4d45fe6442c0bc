"""The picture of the home, once or as it changes."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, WebSocket, WebSocketDisconnect

from homestream.web.auth import Person, logged_in
from homestream.web.deps import Deps, of
from homestream.web.hub import Hub, Viewer

router = APIRouter()

#: Pages open at once; each costs a queue and a socket.
VIEWERS = 200
#: How soon a page that was logged out elsewhere goes dark.
RECHECK_S = 15.0
#: WebSocket close codes: log in first (ours), try again later (RFC 6455).
LOG_IN, TRY_LATER = 4401, 1013


@router.get("/api/view")
async def view(deps: Annotated[Deps, Depends(of)], _who: Person) -> dict[str, Any]:
    """All that is true now."""
    return deps.view()


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """A `view` frame, then `delta` frames; the session's cookie is asked for, and asked for again."""
    hub: Hub = socket.app.state.deps.hub
    await socket.accept()
    if logged_in(socket) is None:
        await socket.close(LOG_IN)
        return
    if len(hub) >= VIEWERS:
        await socket.close(TRY_LATER)
        return
    viewer = hub.join()
    sender = asyncio.create_task(_send(socket, viewer))
    receiver = asyncio.create_task(_drain(socket))
    try:
        while logged_in(socket) is not None:
            done, _ = await asyncio.wait(
                (sender, receiver), timeout=RECHECK_S, return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                return
        await socket.close(LOG_IN)
    finally:
        hub.leave(viewer)
        for task in (sender, receiver):
            task.cancel()
        await asyncio.gather(sender, receiver, return_exceptions=True)


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await socket.send_text(await viewer.next())


async def _drain(socket: WebSocket) -> None:
    """Nothing is asked for by this way: read on only to learn that the page has gone."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
