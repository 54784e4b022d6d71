"""Boards: one folder per board, with its description, its manifest and how it is wired.

description.py reads and judges board.toml, chips.py and parts.py are what it judges by,
build.py compiles a description into the node's board.json. virtual/ is a board without
hardware: the same board.json, its pins wired to simulators.
"""
