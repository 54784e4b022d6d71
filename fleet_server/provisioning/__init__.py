"""Keys and certificates: the fleet's CA, enrolment tokens, node certificates."""
