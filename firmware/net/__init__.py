"""The way to the server: link, sockets, TLS and MQTT."""
