"""Who the node is: its keys and certificates, and their renewal."""
