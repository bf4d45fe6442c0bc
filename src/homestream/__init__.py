"""Homestream, the real-time data pipeline of the home.

One message's way, in five hops: `door.mqtt` reads bytes and `wire` yields PUBLISH; `log.committer` writes it
and the device is acknowledged; `dialects.decode` makes readings of it; `engine.home.step` folds them into
facts; `pipeline` hands these to the live hub, the outbox and the lake.

Read in this order:

    reading, home, errors     the words: Reading, Entry, HomeConfig
    wire, dialects, engine    pure: bytes and values in, values out; no sockets, files, threads or clocks
    door, log                 edge: sockets -> log -> acknowledgement
    lake, effects, web, report    edge: history, what leaves the system, page, PDF
    pipeline, run, steady     wiring: what follows a commit; build, run, stop; the clock
    simulate, etl, backtest, replay, demo    whole programs beside it
    runners                   the same engine on Flink
    cli                       the commands

Everything downstream of the log is a fold over it: registry, readings, facts, accounts and effects owed can
be rebuilt from it, to the byte.
"""

__version__ = "0.1.0"
