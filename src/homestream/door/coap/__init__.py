"""CoAP: readings by POST and PUT, commands by Observe, sealed by OSCORE."""
