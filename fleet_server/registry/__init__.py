"""What stands where: zones, cabinets, feeders, nodes and groups."""
