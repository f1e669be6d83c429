"""One client and a few sandboxes for a whole run of the suite, whatever the SDK's version.

The suite is written once for all tested versions. Where a version lacks something the test asks `SDK`,
never the server.
"""

import importlib.metadata
import time
import uuid

import pytest
from daytona import CreateSandboxFromSnapshotParams, Daytona, DaytonaNotFoundError

SDK = tuple(int(part) for part in importlib.metadata.version("daytona").split(".")[:2])

# Seconds. Nothing takes so long, only a test that fails does.
PATIENCE = 180

# The language label that SDKs from 0.190 on put on every sandbox.
LANGUAGE_LABEL = "code-toolbox-language"


@pytest.fixture(scope="session")
def client():
    """Reads DAYTONA_API_URL and DAYTONA_API_KEY, as a user's program does."""
    return Daytona()


@pytest.fixture(scope="session")
def run_id():
    """Tells the sandboxes of this run from those of a suite running beside it."""
    return uuid.uuid4().hex[:12]


@pytest.fixture(scope="session")
def create(client, run_id):
    """Creates sandboxes that are gone when the suite is over."""
    made = []

    def create_one(**wanted):
        labels = {"suite": run_id, **wanted.pop("labels", {})}
        sandbox = client.create(CreateSandboxFromSnapshotParams(labels=labels, **wanted), timeout=PATIENCE)
        made.append(sandbox)
        return sandbox

    yield create_one
    for sandbox in made:
        try:
            sandbox.delete()
        except DaytonaNotFoundError:
            pass
    for sandbox in made:
        until_gone(client, sandbox.id)
    left = [sandbox.id for sandbox in list_labelled(client, {"suite": run_id})]
    assert not left, f"sandboxes left behind: {left}"


@pytest.fixture(scope="session")
def box(create):
    """A default sandbox for everything that does not change its state."""
    return create()


def list_labelled(client, labels):
    """All sandboxes with these labels: 0.190 made `list` an iterator over a query, before it was paged."""
    if SDK >= (0, 190):
        from daytona import ListSandboxesQuery

        return list(client.list(ListSandboxesQuery(labels=labels, limit=2)))
    found, page = [], 1
    while True:
        answer = client.list(labels=labels, page=page, limit=2)
        found += answer.items
        if page >= answer.total_pages:
            assert answer.total == len(found)
            return found
        page += 1


def delete_and_wait(client, sandbox):
    """Deletes and waits until the sandbox is unknown; before 0.226 `delete` could not wait itself."""
    if SDK >= (0, 226):
        sandbox.delete(wait=True)
    else:
        sandbox.delete()
    until_gone(client, sandbox.id)


def until_gone(client, sandbox_id):
    """A deleted sandbox may be seen `destroying` for a while. There is no event to wait for in these SDKs."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            state = client.get(sandbox_id).state
        except DaytonaNotFoundError:
            return
        assert state == "destroying", f"deleted, yet {state}"
        assert time.monotonic() < deadline, f"{sandbox_id} is never gone"
        time.sleep(0.1)


def comes_to_an_end(box, pgrep):
    """What was killed may be seen for a moment after its caller was told."""
    looks = f"for look in $(seq 600); do {pgrep} >/dev/null || exit 0; sleep 0.1; done; exit 1"
    return box.process.exec(looks).exit_code == 0


def error_class(name):
    """A typed error by name. Versions before 0.226 raise the base class where they lack it; the newest lack none."""
    import daytona.common.errors as errors

    return getattr(errors, name) if SDK >= (0, 226) else getattr(errors, name, errors.DaytonaError)
