"""`make serve`: a real Galaxy in the browser, with the tools, a tour, the workflows and example data for each of them.

It is a new Galaxy each time; what is made in it is gone when it ends. Ctrl-C ends it. It listens on this machine only,
and whoever can reach it there is its one user and administrator.

    PORT=8080 python dev/galaxy/serve.py
"""

import os

from dev.environments import SetupError
from dev.galaxy import galaxy_server
from dev.galaxy.local_galaxy import check_port, local_galaxy, run_command


def main():
    port = os.environ.get("PORT") or "8080"
    if not port.isdecimal():
        raise SetupError(f"PORT is {port}: a whole number is needed, `make serve PORT=9000`")
    check_port(int(port))
    with local_galaxy("serve", galaxy_server.TOOLS.glob("*.xml")) as galaxy:
        client = galaxy_server.start(galaxy, int(port))
        for workflow in galaxy_server.WORKFLOWS:
            galaxy_server.import_workflow(client, workflow)
            galaxy_server.example_history(client, workflow)
        print(f"Galaxy:  {client.base_url}")
        print(f"API key: {client.key}")
        print("Ctrl-C ends Galaxy and deletes everything in it.", flush=True)
        code = galaxy.wait()
        raise SetupError(f"Galaxy ended by itself (exit code {code}); its log: {galaxy.log}")


if __name__ == "__main__":
    run_command(main)
