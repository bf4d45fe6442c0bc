"""Edge: what leaves the system because of a fact: notifications, commands."""
