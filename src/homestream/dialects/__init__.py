"""Pure: how each family of devices speaks. A message becomes readings, a command becomes a message."""
