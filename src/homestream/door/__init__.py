"""Edge: what devices talk to; socket -> log -> acknowledgement.

Rooms: `mqtt`, `http` and `coap`, one a protocol; `login`, who may come in and what each may say. Beside
them what the protocols share: `listen` and `tls` for their sockets, `intake` with `share`, `answers` and
`underway` for batches, `refusals` for the books.
"""
