"""What a release manager does, as functions: make keys, build, sign, look at a release.

Joins `ota.publish` and `ota.signing` to files that a person names. Owns file names, defaults and
the checks against overwriting; leaves the format, the checks and the keys themselves to `ota`.
"""
