"""Energy that adds up: counters, meters, tariffs."""
