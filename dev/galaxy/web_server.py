"""Galaxy's web server without the description of its API: dev/galaxy/run.sh starts this instead of `gunicorn`."""

from galaxy.webapps.galaxy import fast_app
from gunicorn.app.wsgiapp import run

# Writing it is a quarter of Galaxy's start, and only /openapi.json has it.
fast_app.include_legacy_openapi = lambda *_: None

if __name__ == "__main__":
    run()
