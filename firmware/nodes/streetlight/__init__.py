"""The streetlight: its program, and the rules that it follows, one file an idea."""
