"""`make quality`: how right it is, measured on real homes, into docs/quality.md."""

import sys
from importlib import import_module
from itertools import groupby
from pathlib import Path

from quality.figure import Figure
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "quality.md"

#: In the order of the page; those that take longest last.
MODULES = ("presence", "energy", "gaps", "anomaly")

HEAD = """# Quality

How right it is, measured by `make quality` on the real homes of `../shared/data` and, where it says so, on
simulated ones whose truth is known. A figure without a unit is a share or an F1 from 0 to 1, or a count.
Nothing here is timed, so the figures are the same on any machine; speed is what `make bench` measures.
"""


def main() -> int:
    """0, or 1 where the data is not there."""
    if not DATA.is_dir():
        print(f"../shared/data is not beside the project ({ROOT.name}): put it there, and run again")
        return 1
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    parts = []
    with Progress(*columns) as bar:
        task = bar.add_task("", total=len(MODULES))
        for name in MODULES:
            bar.update(task, description=name)
            module = import_module(f"quality.{name}")
            parts.append(section(module.__doc__ or "", module.figures(DATA)))
            bar.advance(task)
    PAGE.write_text("\n".join([HEAD, *parts]), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written")
    return 0


def section(doc: str, figures: list[Figure]) -> str:
    """A module's own words as heading and text, then a table for each condition."""
    title, _, text = doc.strip().partition("\n")
    lines = [f"## {title.rstrip('.')}", ""]
    if text.strip():
        lines += [text.strip(), ""]
    for note, same in groupby(figures, key=lambda figure: figure.note):
        lines += [f"{note[:1].upper()}{note[1:]}:", "", "| figure | value |", "|---|---|"]
        lines += [f"| {figure.name} | {said(figure)} |" for figure in same]
        lines.append("")
    return "\n".join(lines)


def said(figure: Figure) -> str:
    """Three digits after the point, none for a count."""
    value = f"{figure.value:,.0f}" if float(figure.value).is_integer() else f"{figure.value:,.3f}"
    return f"{value} {figure.unit}".strip()


if __name__ == "__main__":
    sys.exit(main())
