"""The whole life of a sandbox as the SDK sees it: pause, archive, fork, resize, snapshot, recover, and the intervals.

One sandbox goes through all of it: on a small machine a second one would only wait for the first.
"""

import time

import pytest
from daytona import CreateSandboxFromSnapshotParams, DaytonaError
from conftest import PATIENCE, SDK, delete_and_wait, until_gone

NOTE = "/home/daytona/note"


@pytest.fixture(scope="module")
def life(create):
    box = create()
    box.fs.upload_file(b"first", NOTE)
    return box


def method(box, *names):
    """A method by the name that this version of the SDK gives it; skipped where it has none."""
    for name in names:
        if hasattr(box, name):
            return getattr(box, name)
    pytest.skip(f"SDK {SDK} has none of {names}")


def until(client, box, state):
    """Waits for a state that this SDK has no wait for."""
    deadline = time.monotonic() + PATIENCE
    while True:
        now = client.get(box.id)
        if now.state == state:
            return now
        assert now.state not in ("error", "build_failed"), now.error_reason
        assert time.monotonic() < deadline, f"{box.id} is {now.state}, never {state}"
        time.sleep(0.2)


def test_stop_and_start(client, life):
    life.stop()
    assert client.get(life.id).state == "stopped"
    life.start()
    assert life.fs.download_file(NOTE) == b"first"


def test_archive_and_restore(client, life):
    assert life.process.exec(f"mkdir -p /home/daytona/d && date > /home/daytona/d/new && sudo rm -f /etc/motd").exit_code == 0
    life.stop()
    life.archive()
    archived = until(client, life, "archived")
    assert archived.backup_state == "Completed"
    life.start(timeout=PATIENCE)
    assert life.fs.download_file(NOTE) == b"first"
    assert life.process.exec("test -s /home/daytona/d/new && test ! -e /etc/motd").exit_code == 0


def test_an_archive_of_what_runs_is_refused(life):
    with pytest.raises(DaytonaError):
        life.archive()


def test_pause_and_resume(client, life):
    pause = method(life, "pause", "_experimental_pause")
    count = "nohup sh -c 'i=0; while :; do i=$((i+1)); echo $i > /tmp/count; sleep 0.1; done' >/dev/null 2>&1 & echo $!"
    pid = life.process.exec(count).result.strip()
    pause()
    until(client, life, "paused")
    life.start(timeout=PATIENCE)
    assert client.get(life.id).state == "started"
    assert life.process.exec(f"kill -0 {pid} && kill {pid}").exit_code == 0, "its processes are kept"


def test_fork(client, life):
    fork = method(life, "fork", "_experimental_fork")
    child = fork()
    try:
        assert client.get(child.id).state == "started"
        assert child.fs.download_file(NOTE) == b"first"
        child.fs.upload_file(b"changed", NOTE)
        assert life.fs.download_file(NOTE) == b"first", "each has its own files"
        with pytest.raises(DaytonaError, match="fork"):
            life.delete()
    finally:
        delete_and_wait(client, child)


def test_resize(client, life):
    resize = method(life, "resize", "_experimental_resize")
    from daytona import Resources

    before = client.get(life.id)
    resize(Resources(cpu=int(before.cpu) + 1))
    after = client.get(life.id)
    assert (after.state, after.cpu) == ("started", before.cpu + 1)
    with pytest.raises(DaytonaError):
        resize(Resources(cpu=int(before.cpu)))
    life.stop()
    resize(Resources(cpu=int(before.cpu), disk=int(before.disk) + 1))
    after = client.get(life.id)
    assert (after.state, after.cpu, after.disk) == ("stopped", before.cpu, before.disk + 1)
    life.start()


def test_snapshot(client, life, run_id):
    make = method(life, "create_snapshot", "_experimental_create_snapshot")
    name = f"life-{run_id}"
    make(name)
    deadline = time.monotonic() + PATIENCE
    while client.snapshot.get(name).state != "active":
        assert client.snapshot.get(name).state != "error"
        assert time.monotonic() < deadline
        time.sleep(0.2)
    made = client.create(CreateSandboxFromSnapshotParams(snapshot=name), timeout=PATIENCE)
    try:
        assert made.fs.download_file(NOTE) == b"first"
    finally:
        made.delete()
        client.snapshot.delete(client.snapshot.get(name))
    until_gone(client, made.id)


def test_recover_is_for_errors(life):
    recover = method(life, "recover")
    with pytest.raises(DaytonaError):
        recover()


def test_intervals(client, life):
    life.set_autostop_interval(45)
    life.set_auto_archive_interval(120)
    life.set_auto_delete_interval(240)
    now = client.get(life.id)
    assert (now.auto_stop_interval, now.auto_archive_interval, now.auto_delete_interval) == (45, 120, 240)
    if hasattr(life, "set_auto_pause_interval"):
        with pytest.raises(DaytonaError):
            life.set_auto_pause_interval(10)
        life.set_autostop_interval(0)
        life.set_auto_pause_interval(10)
        assert client.get(life.id).auto_pause_interval == 10
        life.set_auto_pause_interval(0)
    if hasattr(life, "set_ttl"):
        life.set_ttl(600)
        assert client.get(life.id).auto_destroy_at
        life.set_ttl(0)
        assert not client.get(life.id).auto_destroy_at
    life.set_auto_delete_interval(-1)
    assert client.get(life.id).auto_delete_interval == -1
    life.set_labels({"suite": life.labels["suite"], "kind": "life"})
    assert client.get(life.id).labels["kind"] == "life"
