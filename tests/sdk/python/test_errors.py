"""Errors arrive as the classes and statuses that the SDK documents."""

import uuid

import pytest
from daytona import CreateSandboxFromSnapshotParams, Daytona, DaytonaConfig, DaytonaError, DaytonaNotFoundError
from conftest import SDK, delete_and_wait, error_class


def raises(name, status):
    """Old versions have fewer classes, every version has the status."""

    class Expected:
        def __enter__(self):
            self.context = pytest.raises(error_class(name))
            self.caught = self.context.__enter__()
            return self.caught

        def __exit__(self, *raised):
            done = self.context.__exit__(*raised)
            assert self.caught.value.status_code == status
            return done

    return Expected()


def test_not_found(client):
    for unknown in [str(uuid.uuid4()), "no-such-name", "UPPER case and spaces"]:
        with raises("DaytonaNotFoundError", 404):
            client.get(unknown)


def test_name_conflict(create, client):
    name = f"taken-{uuid.uuid4().hex[:8]}"
    first = create(name=name)
    with raises("DaytonaConflictError", 409):
        create(name=name)
    assert client.get(name).id == first.id
    first.delete()


def test_unknown_snapshot(create):
    with raises("DaytonaValidationError", 400) as caught:
        create(snapshot="no-such-snapshot")
    assert "no-such-snapshot" in str(caught.value)


@pytest.mark.parametrize("name", ["<b>bold</b>", "http://example.com", "line\nbreak", str(uuid.uuid4())])
def test_refused_names(create, name):
    with raises("DaytonaValidationError", 400):
        create(name=name)


def test_wrong_key():
    stranger = Daytona(DaytonaConfig(api_key="dtn_" + "0" * 64))
    with raises("DaytonaAuthenticationError", 401):
        stranger.create(CreateSandboxFromSnapshotParams())
    with raises("DaytonaAuthenticationError", 401):
        stranger.get("anything")


def test_wrong_state(create, client):
    sandbox = create()
    sandbox.stop()
    with raises("DaytonaValidationError", 400):
        sandbox.stop()
    with pytest.raises(DaytonaError):
        sandbox.process.exec("true")
    delete_and_wait(client, sandbox)
    with pytest.raises(DaytonaNotFoundError):
        sandbox.start()
    with pytest.raises(DaytonaError):
        sandbox.process.exec("true")


def test_exec_refusals(box):
    with raises("DaytonaValidationError", 400):
        box.process.exec("   ")
    if SDK >= (0, 190):
        with pytest.raises((DaytonaError, ValueError)):
            box.process.exec("true", env={"not a name": "x"})
