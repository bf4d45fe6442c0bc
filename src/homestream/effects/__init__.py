"""Edge: what leaves the system because of a fact: notifications, commands, webhooks.

Read `outbox` (what is owed, durable), `retry` (when it is tried, when given up), `notify`, `command` and
`webhook` (how it leaves), `worker` (the loop that carries it out).
"""
