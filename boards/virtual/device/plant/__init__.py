"""SIMULATOR: the world around one virtual node, and how it is wired to the node's pins."""
