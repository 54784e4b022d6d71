"""Prepares a node's files on the technician's machine: key, certificate, configuration, trust.

`identity` makes the secret and enrols it, `provision` writes a node's folder, `slots` installs
an application as the factory does. The same functions prepare one node in the field and the 40
of the demo. What the node does with the files is the firmware's; where they are flashed to is
left to later tools.
"""
