#!/bin/bash
# Starts the Galaxy of dev/requirements/galaxy.txt; planemo calls this where it would call a Galaxy checkout's own run.sh.
# Galaxy's usual process manager, Gravity, refuses to run as root; this starts the same two processes directly.
# Expects GALAXY_VENV (the virtual environment that holds Galaxy) and GALAXY_CONFIG_FILE (planemo writes and sets it).
# TOOL_PANEL, if set, is the file that takes the place of planemo's tool panel.
set -euo pipefail
cd "$(dirname "$0")"
. "$GALAXY_VENV/bin/activate"
# planemo sets this variable itself, so that one that it was given would be lost.
[ -z "${TOOL_PANEL:-}" ] || export GALAXY_CONFIG_OVERRIDE_TOOL_CONFIG_FILE="$TOOL_PANEL"
# Celery opens its result database here at once; without the folder it dies and every job stays "new".
mkdir -p "$(dirname "$GALAXY_CONFIG_FILE")/data"
bind=$(python -c "import json, os; print(json.load(open(os.environ['GALAXY_CONFIG_FILE']))['gravity']['gunicorn']['bind'])")
python celery_worker.py --app galaxy.celery worker --concurrency 2 --loglevel INFO --pool threads \
    --queues celery,galaxy.internal,galaxy.external &
celery=$!
python web_server.py 'galaxy.webapps.galaxy.fast_factory:factory()' --timeout 300 --workers 1 --bind "$bind" \
    --worker-class galaxy.webapps.galaxy.workers.Worker --config python:galaxy.web_stack.gunicorn_config &
web=$!
trap 'kill $celery $web 2>/dev/null || true; wait' EXIT INT TERM
# Either one ending ends Galaxy, and is a failure also with 0: planemo would wait 15 minutes for it to answer.
wait -n && exit 1
