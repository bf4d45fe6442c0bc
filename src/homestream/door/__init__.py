"""Edge: the listeners devices talk to (MQTT, HTTP, CoAP); socket -> log -> acknowledgement."""
