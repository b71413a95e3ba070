"""Celery for Galaxy, without two things that take long here: dev/galaxy/run.sh starts this instead of `celery`."""

from celery.__main__ import main
from galaxy.datatypes.images import Image, Png
from kombu.transport.sqlalchemy import Transport

# Celery asks its queues, which are tables in SQLite here, once a second for a task; an upload is five tasks, one after
# the other. kombu has no option for that which its SQLite transport would not hand on to SQLAlchemy, which refuses it.
Transport.polling_interval = 0.1

# Galaxy counts the values in each PNG in Python: 3 to 6 s for a figure, of which nothing here shows anything.
Png.set_meta = Image.set_meta

if __name__ == "__main__":  # the processes of its own that it starts import this file
    main()
