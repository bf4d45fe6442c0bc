"""Pure: bytes <-> messages. MQTT 3.1, 3.1.1 and 5.0, as servers and clients speak it; no sockets, no clock.

One packet: `packets` (values, and value -> bytes), `decode` (bytes -> value), made of `primitives`,
`properties` and `reasons`. A byte stream: `reader` (-> packets, in one batch loop: the hot path). Names:
`topics`. One network connection as a state machine: `connection` (the server's side), `client` (the
client's); it takes bytes and the time and returns events, and what it wants sent waits in `take()`. What
outlives a connection: `session`, with `message`. Who gets what within a home: `exchange`, with
`subscriptions` and `retained`; and what of it must survive a restart: `journal`, `state`.
"""
