"""The page and its API: read deps, app, session, guard, hub, then the api_* files; ui/ holds the page."""
