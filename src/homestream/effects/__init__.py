"""Edge: what leaves the system because of a fact: notifications, commands.

Read `outbox` (what is owed, durable), `retry` (when it is tried, when given up), `notify` and `command`
(how it leaves), `worker` (the loop that carries it out).
"""
