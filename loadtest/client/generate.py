"""Generates a client of Piton's API from the API's own description.

    python3 generate.py OPENAPI FOLDER

OPENAPI is the address of a server's /v1/openapi.json, or a file of what `piton openapi` prints. The package
`piton_client` is made anew in FOLDER by openapi-python-client, which `./setup test` unpacks into .tools/client. What it
cannot generate is an error.
"""

import pathlib
import subprocess
import sys


def generate(description: str, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "generator.yml"
    # A name of its own for the package; and what was generated is run, not read: nothing has to format it.
    config.write_text("package_name_override: piton_client\npost_hooks: []\n")
    source = "--url" if "://" in description else "--path"
    subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate",
            source, description,
            "--config", str(config),
            "--meta", "none",
            "--output-path", str(folder / "piton_client"),
            "--overwrite",
            "--fail-on-warning",
        ],
        check=True,
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    generate(sys.argv[1], pathlib.Path(sys.argv[2]))
