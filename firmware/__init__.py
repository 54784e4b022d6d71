"""The controller application: what a node runs from one of its two slots, on MicroPython.

    drivers/ -> nodes/ -> core/ (outbox, state) -> net/ (MQTT over TLS)   readings go up
    net/ -> core/ (desired state) -> nodes/ -> drivers/                   commands come down
    update/                                                               the other slot is filled

Actuators start first and never wait for the network. boot/main.py is not part of the
application: it is copied once to the root of the node's files and chooses the slot.
"""
