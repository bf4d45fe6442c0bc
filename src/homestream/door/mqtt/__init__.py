"""MQTT: sockets and WebSockets, the home that their clients share, and bridges to other brokers."""
