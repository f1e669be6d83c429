"""Lets the models of the installed official client parse our sample bodies (see tests/api/golden.rs)."""

import pathlib
import sys

import daytona_api_client as client

# One model was renamed when its operation was deprecated.
NAMES = {"PaginatedSandboxes": ["PaginatedSandboxes", "PaginatedSandboxesDeprecated"]}

failures = 0
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    models = [getattr(client, name) for name in NAMES.get(file.stem, [file.stem]) if hasattr(client, name)]
    if not models:
        print(f"-    {file.stem}: not in this client")
    for model in models:
        try:
            model.from_json(file.read_text())
            print(f"ok   {model.__name__}")
        except Exception as problem:  # whatever the model raises is what a user would see
            failures += 1
            print(f"FAIL {model.__name__}: {problem}")
sys.exit(failures)
