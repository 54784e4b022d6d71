"""The shadow: what each node is told to be, in which version, and how far it has got."""
