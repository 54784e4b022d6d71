"""The greenhouse: its climate, and the outputs that it switches by rules."""
