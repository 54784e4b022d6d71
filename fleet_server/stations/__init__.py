"""Greenhouses: the rules by which a station switches its own outputs."""
