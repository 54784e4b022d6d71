"""Who may do what: users, passwords, sessions, roles, login rate limit."""
