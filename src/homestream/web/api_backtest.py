"""Rules tried over the home's history, from the page: one at a time, in a process of its own."""

import asyncio
import sys
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, Field

from homestream.web.auth import Person
from homestream.web.deps import Deps, of

router = APIRouter()

DAY_MS = 86_400_000
#: Bytes of one line of the process: a result with ten thousand alerts.
LONGEST = 64 << 20


class Trial(BaseModel):
    """A rule file's text, and how many days back alerts are wanted; 0: all."""

    rules: str = Field(min_length=1, max_length=100_000)
    days: int = Field(default=90, ge=0, le=36_500)


class Job:
    """The one back-test that runs or has run: {running, done, total, result, error}."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"running": False}
        self._task: asyncio.Task[None] | None = None

    def start(self, folder: str, since: int, rules: bytes) -> None:
        """Begin; call only when none runs."""
        self.state = {"running": True, "done": 0, "total": 0}
        self._task = asyncio.create_task(self._run(folder, since, rules))

    async def stop(self) -> None:
        """End the one that runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, folder: str, since: int, rules: bytes) -> None:
        try:
            await self._follow(folder, since, rules)
        finally:
            self.state["running"] = False
            if "result" not in self.state and "error" not in self.state:
                self.state["error"] = "stopped before its end"

    async def _follow(self, folder: str, since: int, rules: bytes) -> None:
        command = (sys.executable, "-m", "homestream.backtest.job", folder, str(since))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LONGEST)
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(rules)
            process.stdin.close()
            async for line in process.stdout:
                self.state.update(msgspec.json.decode(line))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def job_of(request: Request) -> Job:
    """The application's job."""
    job: Job = request.app.state.backtest
    return job


@router.post("/api/backtest", status_code=202)
async def begin(
    trial: Trial, deps: Annotated[Deps, Depends(of)], job: Annotated[Job, Depends(job_of)], _who: Person
) -> dict[str, Any]:
    """Start; 409 while one runs."""
    if job.state["running"]:
        raise HTTPException(409, "a back-test is running; wait for it, or cancel it")
    since = deps.now() - trial.days * DAY_MS if trial.days else 0
    job.start(str(deps.folder), max(since, 0), trial.rules.encode())
    return job.state


@router.get("/api/backtest")
async def look(job: Annotated[Job, Depends(job_of)], _who: Person) -> dict[str, Any]:
    """How far it is, and at its end what came of it."""
    return job.state


@router.delete("/api/backtest")
async def cancel(job: Annotated[Job, Depends(job_of)], _who: Person) -> dict[str, Any]:
    """End the one that runs."""
    await job.stop()
    return job.state
