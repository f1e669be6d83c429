"""create, get, list, labels, intervals, stop, start, delete."""

import uuid

import pytest
from daytona import DaytonaNotFoundError, SandboxState
from conftest import LANGUAGE_LABEL, SDK, delete_and_wait, list_labelled, until_gone


def test_default_sandbox(box):
    assert uuid.UUID(box.id)
    assert box.state == SandboxState.STARTED
    assert box.name == box.id
    assert box.snapshot
    assert box.user == "daytona"
    assert box.labels.get(LANGUAGE_LABEL) == "python" or SDK < (0, 190)
    assert box.auto_stop_interval == 15
    assert (box.cpu, box.memory) >= (1, 1)
    assert box.public is False
    assert box.get_work_dir() == "/home/daytona"
    assert box.get_user_home_dir() == "/home/daytona"


def test_create_with_everything(create, client):
    name = f"with-everything-{uuid.uuid4().hex[:8]}"
    value = "a b 'c' \"d\" $HOME ü\nsecond line"
    sandbox = create(
        name=name,
        language="javascript",
        env_vars={"GREETING": value, "EMPTY": ""},
        labels={"colour": "green"},
        auto_stop_interval=7,
    )
    assert sandbox.name == name
    assert sandbox.labels["colour"] == "green"
    assert sandbox.labels.get(LANGUAGE_LABEL) == "javascript" or SDK < (0, 190)
    assert sandbox.env == {"GREETING": value, "EMPTY": ""}
    assert sandbox.auto_stop_interval == 7

    assert sandbox.process.exec('printf %s "$GREETING"').result.rstrip("\n") == value
    assert sandbox.process.exec("echo ${EMPTY-unset}.").result.strip() == "."
    assert sandbox.process.code_run("console.log(process.env.GREETING.length)").result.strip() == str(len(value))

    assert client.get(name).id == sandbox.id
    assert client.get(sandbox.id).name == name
    sandbox.delete()
    with pytest.raises(DaytonaNotFoundError):
        client.get(name)


def test_environment_names_that_no_shell_has(create):
    """Whether a container is made with them or a waiting one is given them."""
    wanted = {"my-var": "x", "spring.url": "y"}
    sandbox = create(env_vars=wanted)
    assert sandbox.env == wanted
    given = sandbox.process.exec("env").result.splitlines()
    assert {"my-var=x", "spring.url=y"} <= set(given)
    sandbox.delete()


def test_list_by_labels(create, client, run_id, box):
    mine = {"kind": f"listed-{run_id}"}
    made = {create(labels={**mine, "n": str(n)}).id for n in range(3)}
    listed = list_labelled(client, mine)
    assert {sandbox.id for sandbox in listed} == made
    assert all(sandbox.labels["kind"] == mine["kind"] for sandbox in listed)
    assert [sandbox.labels["n"] for sandbox in list_labelled(client, {**mine, "n": "1"})] == ["1"]
    assert list_labelled(client, {"kind": "nothing-has-this"}) == []
    assert box.id in {sandbox.id for sandbox in list_labelled(client, {"suite": run_id})}
    for sandbox in listed:
        sandbox.delete()
    for sandbox_id in made:
        until_gone(client, sandbox_id)
    assert list_labelled(client, mine) == []


def test_labels_are_replaced(create, client, run_id):
    sandbox = create(labels={"old": "1"})
    wanted = {"suite": run_id, "new": "2", LANGUAGE_LABEL: "python"}
    assert sandbox.set_labels(wanted) == wanted
    assert client.get(sandbox.id).labels == wanted
    sandbox.delete()


def test_auto_stop_interval(box, client):
    box.set_autostop_interval(42)
    assert client.get(box.id).auto_stop_interval == 42
    box.set_autostop_interval(0)
    assert client.get(box.id).auto_stop_interval == 0
    box.set_autostop_interval(15)


def test_refresh_activity(box):
    before = getattr(box, "last_activity_at", None)
    box.refresh_activity()
    box.refresh_data()
    # 0.160 can touch, but does not show it.
    if SDK >= (0, 190):
        assert box.last_activity_at >= before


def test_stop_then_start_keeps_files(create, client):
    sandbox = create(env_vars={"KEPT": "yes"})
    sandbox.fs.upload_file(b"still here", "/home/daytona/kept.txt")
    sandbox.process.exec("sudo sh -c 'echo root > /etc/kept-by-root'")

    sandbox.stop()
    assert sandbox.state == SandboxState.STOPPED
    assert client.get(sandbox.id).state == SandboxState.STOPPED

    sandbox.start()
    assert sandbox.state == SandboxState.STARTED
    assert sandbox.fs.download_file("/home/daytona/kept.txt") == b"still here"
    assert sandbox.process.exec("cat /etc/kept-by-root; echo $KEPT").result.split() == ["root", "yes"]
    assert sandbox.process.code_run("print(6 * 7)").result.strip() == "42"
    # Starting what is started already is no error.
    client.start(sandbox)
    sandbox.delete()


def test_forced_stop(create, client):
    sandbox = create()
    sandbox.fs.upload_file(b"kept", "kept.txt")
    sandbox.stop(force=True)
    assert client.get(sandbox.id).state == SandboxState.STOPPED
    client.start(sandbox)
    assert sandbox.fs.download_file("kept.txt") == b"kept"
    client.stop(sandbox)
    assert client.get(sandbox.id).state == SandboxState.STOPPED
    client.delete(sandbox)
    until_gone(client, sandbox.id)


def test_name_is_free_after_delete(create):
    name = f"again-{uuid.uuid4().hex[:8]}"
    first = create(name=name)
    first.delete()
    second = create(name=name)
    assert second.id != first.id
    second.delete()


def test_delete_twice(create, client):
    sandbox = create()
    delete_and_wait(client, sandbox)
    with pytest.raises(DaytonaNotFoundError):
        sandbox.delete()
    with pytest.raises(DaytonaNotFoundError):
        client.get(sandbox.id)
