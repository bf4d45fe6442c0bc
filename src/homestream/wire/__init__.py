"""Pure: bytes <-> messages. The MQTT codec and session state machines; no sockets, no clock."""
