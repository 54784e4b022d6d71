"""Over-the-air releases: what is built, who signed it and how a node checks that.

    verify/          the checks, sans-IO, unchanged on the server and on the node
    publish.py       sources -> reproducible bundle of .mpy files                    (host)
    trim.py constants.py arguments.py    sources made smaller, line for line          (host)
    romfs.py         the form of a bundle: an image that runs in place               (host)
    flash_image.py   a factory-fresh node's flash                                   (host)
    signing.py       release keys, signatures, the finished release                  (host)
    release_file.py  the one file in which a release travels to the server           (host)

Only ota/__init__.py and ota/verify/ ship to nodes.
"""
