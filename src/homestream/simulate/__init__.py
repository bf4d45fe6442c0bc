"""A house that behaves like one, with the truth beside it."""
