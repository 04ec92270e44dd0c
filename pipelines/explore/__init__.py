"""The explorer: a local server with the page on which a person asks and looks.

`server` starts and stops it, `access` guards it, `api` has its calls, `snapshots` holds the versions that are shown.
"""
