"""Coverage-guided fuzzing: any bytes give messages, rows, or the one documented error. See `__main__`."""
