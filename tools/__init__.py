"""The technician's, the release manager's and the developer's tools.

Owns what a person types: the command line in `tools.cli` and the set-up of a checkout in
`tools.setup`. Leaves the fleet server, the boards and the firmware to their own packages and
speaks to them as a user would: by process, by file and over the network.
"""
