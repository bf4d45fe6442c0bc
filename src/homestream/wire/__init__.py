"""Pure: bytes <-> messages. MQTT 3.1.1 (and 3.1) as a server speaks it; no sockets, no clock.

Read in this order: `packets` (one packet, both ways), `topics` (names, filters, who subscribed to what),
`reader` (a byte stream -> packets, in one batch loop: the hot path), `session` (what outlives a network
connection), `connection` (the state machine of one network connection). A connection takes bytes and the
time and returns events; what it wants sent waits in `take()`. Version 5.0 adds to `packets` and `connection`.
"""
