"""The composition root: `navarch-server`. Reads settings, wires the rooms, starts `api`, `worker`, or both.

navarch-server --config FILE all        both in one process, for development and small installations
navarch-server --config FILE api        the HTTP service, any number of them
navarch-server --config FILE worker     the worker, any number of them
navarch-server --config FILE database   the private PostgreSQL: start | stop | migrate
navarch-server --config FILE doctor     check this installation, and say what to fix
navarch-server --config FILE explain C  what would be done next for a cluster, and why it is not yet
navarch-server --config FILE pause      have the workers leave a project or everything alone; also: resume, pauses
navarch-server keys make FOLDER         make all keys; --certificate-for NAME: a certificate, too
navarch-server keys rotate              seal anew with the newest keys; --retire: drop the older ones
"""

from navarch.main.server import run

__all__ = ["run"]
