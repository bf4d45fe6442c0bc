"""HTTP: readings by JSON, line protocol, SenML and webhooks."""
