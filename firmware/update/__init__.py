"""Replacing the application: verify, download, fill the other slot, try it, keep it or go back."""
