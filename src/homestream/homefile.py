"""`home.toml` and `rules/*.toml` <-> `HomeConfig`; what is wrong is said with file and line."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from homestream.errors import ConfigError
from homestream.home import HomeConfig, RuleConfig

FILE = "home.toml"


def parse(text: str, file: str = FILE) -> HomeConfig:
    """TOML text -> HomeConfig; `ConfigError` names the file, the line and what to write."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}") from None
    _locate_rules(raw, text, file)
    try:
        return HomeConfig.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        line = _line(text, first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{file}{f':{line}' if line else ''}: {path}: {reason}") from None


def load(folder: Path) -> HomeConfig:
    """Read `home.toml` and `rules/*.toml` of a home's folder."""
    path = folder / FILE
    if not path.exists():
        raise ConfigError(f"{path} is missing; make one with: homestream init {folder}")
    config = parse(_read(path), str(path))
    extra = [rule for file in sorted(folder.glob("rules/*.toml")) for rule in load_rules(file)]
    return config.model_copy(update={"rule": config.rule + tuple(extra)})


def load_rules(file: Path) -> tuple[RuleConfig, ...]:
    """The `[[rule]]` tables of one file."""
    return parse(_read(file), str(file)).rule


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; check the path and its permissions") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{file}:{line}: this is no UTF-8; save it as UTF-8 text") from None


def _line(text: str, path: Sequence[int | str]) -> int | None:
    """The line of the key that `path` leads to, or of its table's header; None where neither is found."""
    names = [part for part in path if isinstance(part, str)]
    number = next((part for part in path if isinstance(part, int)), 0)
    table = ".".join(names[:-1]) or names[0]
    inside, seen, found = len(names) == 1, 0, None
    for n, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([\w.]+)\s*\]", line):
            mine = header[1] == table
            inside, seen = mine and seen == number, seen + mine
            found = n if inside else found
        elif inside and re.match(rf"\s*[\"']?{re.escape(names[-1])}[\"']?\s*=", line):
            return n
    return found


def _locate_rules(raw: dict[str, Any], text: str, file: str) -> None:
    """Give each rule the file and line of its `[[rule]]` header, in order."""
    rules = raw.get("rule")
    if not isinstance(rules, list):
        return
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith("[[rule]]")]
    for rule, line in zip(rules, lines, strict=False):
        if isinstance(rule, dict):
            rule["where"] = f"{file}:{line}"
