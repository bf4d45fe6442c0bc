"""Files that are on disk when we say so. Delta's own writer never calls fsync."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, durably."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def create(path: Path, data: bytes) -> None:
    """Make a file whole and durable, or not at all; FileExistsError where there is one of that name."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(data)
        sync(draft)
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


def replace(path: Path, data: bytes) -> None:
    """As `create`, in the place of a file of that name."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    sync(draft)
    draft.replace(path)
    sync(path.parent)
