"""Edge: the durable, ordered record of all entries."""
