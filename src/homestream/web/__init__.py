"""Edge: API, live hub and page."""
