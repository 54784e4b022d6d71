"""A city district on one machine: the broker, the fleet server and 40 nodes, all real.

Owns the district's places and names, the starting order, the supervision of the processes and
their end, the demo's city clock, and the acts of a thief that the demo can play. Everything is
started as a user would start it: by process, by HTTP and by file. The data stay in `.demo/`.
"""
