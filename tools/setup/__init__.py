"""Makes a checkout ready to run: `python3 -m tools.setup`.

Owns the virtual environment, the browser assets, and the real MicroPython and Mosquitto that
everything else runs on. Uses the standard library alone, since it runs before anything is
installed, and is safe to run again at any time: what is already right is left alone.

Rules: nothing outside the checkout and the user's cache folder is changed; what was downloaded
is checked before it is used; a known problem is one line and exit status 2.
"""
