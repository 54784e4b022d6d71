"""A laboratory for one node: authority, broker, download server, observer, and the node itself.

Everything is real but the board, which is virtual: MicroPython, Mosquitto, TLS, HTTPS.
"""
