"""Release checks that run unchanged on CPython and on MicroPython; bytes in, verdicts out.

p256.py      ECDSA P-256: is this signature good?
trust.py     trust.json: whose signatures count, and how many are needed
manifest.py  the signed description of a release, one byte form for one meaning
release.py   signatures + manifest + what is installed -> accepted, or a named refusal
bundle.py    the application's files as a stream; hash and length of what was read back
errors.py    the named refusals            limits.py  every bound, with its reason
"""
