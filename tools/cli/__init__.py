"""The command `cityfleet`: what operators, technicians and release managers type.

A module per noun, each with a typer application that `main` joins. A command only gathers its
arguments, calls what does the work and prints; it imports that inside its body, so that
`cityfleet --help` starts at once. Known errors (`tools.errors`) become one line and exit status
2 in `main`.
"""
