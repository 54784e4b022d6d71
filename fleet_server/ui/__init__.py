"""The screens: pages, their static files, and their words in Vietnamese and English.

A page is a Jinja2 shell; small ES modules in `static/js` fill it from the HTTP
API and keep it live by the event stream. Tables and forms that need no live
state (login, provisioning, refused messages, audit) are HTML fragments by htmx.

    assets.py     static files and the few files of node_modules that are served
    i18n.py       the gettext catalogues in locale/, read at start
    formats.py    numbers and times as the chosen language writes them
    render.py     a template with the reader's language, theme and rights
    pages.py      the shells
    fragments.py  what htmx fetches
    station_rules.py  the rules of a greenhouse
    login.py      the login form

What is shown is the business of the capability that owns it; this folder adds
no rule of its own.
"""
