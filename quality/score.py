"""How well what was found agrees with what was true."""

from collections.abc import Iterable


def f1(pairs: Iterable[tuple[bool, bool]]) -> float:
    """F1 of (found, true) pairs; 0 where nothing true was found."""
    both = found = true = 0
    for was_found, was_true in pairs:
        both += was_found and was_true
        found += was_found
        true += was_true
    return 2 * both / (found + true) if found + true else 0.0


def share(part: int, whole: int) -> float:
    """`part` of `whole`, 0 of nothing."""
    return part / whole if whole else 0.0
