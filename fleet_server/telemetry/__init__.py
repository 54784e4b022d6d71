"""What the nodes say: ingest, latest state, history, refused messages."""
