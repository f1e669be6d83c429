"""Every method of `sandbox.git`, of the synchronous and the asynchronous client, with a git server inside the sandbox.

Methods that old versions lack are asked of the SDK, never of the server.
"""

import asyncio
import uuid
from pathlib import Path

import pytest
from daytona import AsyncDaytona
from conftest import SDK, error_class

SERVER = Path(__file__).parents[1] / "git_server.py"
LOGIN = {"username": "me", "password": "right word"}


class Waiting:
    """The asynchronous methods, each waited for."""

    def __init__(self, loop, git):
        self.loop, self.git = loop, git

    def __getattr__(self, name):
        method = getattr(self.git, name)
        return lambda *arguments, **named: self.loop.run_until_complete(method(*arguments, **named))


@pytest.fixture(scope="module", params=["sync", "async"])
def git(request, box):
    if request.param == "sync":
        yield box.git
        return
    loop = asyncio.new_event_loop()
    client = AsyncDaytona()
    same = loop.run_until_complete(client.get(box.id))
    yield Waiting(loop, same.git)
    loop.run_until_complete(client.close())
    loop.close()


@pytest.fixture(scope="module")
def servers(box):
    """URLs of a server, and of one whose certificate nobody knows."""
    box.fs.upload_file(SERVER.read_bytes(), "git/server.py")
    shell(box, "git config --global user.name Me; git config --global user.email me@example.com")
    shell(
        box,
        "cd git; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        " -keyout key.pem -out certificate.pem 2>/dev/null; cat certificate.pem key.pem > both.pem; mkdir served",
    )
    ports = []
    for name, certificate in [("plain", ""), ("tls", "both.pem")]:
        shell(box, f"cd git; setsid python3 server.py served {certificate} > {name} 2> {name}.log < /dev/null &")
        ports.append(shell(box, f"cd git; until grep . {name}; do sleep 0.1; done"))
    yield f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}"
    shell(box, "pkill -f '[s]erver.py served'")


@pytest.fixture
def remote(box, servers):
    """A repository on the server with a commit on `main` and one more on `side`: its name."""
    name = f"{uuid.uuid4().hex[:8]}.git"
    shell(
        box,
        "cd git; git init -q -b main draft; cd draft; echo one > file; git add .; git commit -qm first"
        "; git checkout -q -b side; echo side > side; git add .; git commit -qm aside; git checkout -q main"
        f"; cd ..; git clone -q --bare draft served/{name}; rm -rf draft",
    )
    return name


@pytest.fixture
def path(box):
    """Where a repository may come to be."""
    place = f"/home/daytona/repositories/{uuid.uuid4().hex[:8]}"
    yield place
    shell(box, f"rm -rf {place}*")


def shell(box, line):
    answer = box.process.exec(line)
    assert answer.exit_code == 0, answer.result
    return answer.result.strip()


class raises:
    """Old versions have fewer classes, every version has the status."""

    def __init__(self, name, status):
        self.expected, self.status = error_class(name), status

    def __enter__(self):
        self.context = pytest.raises(self.expected)
        self.caught = self.context.__enter__()

    def __exit__(self, *raised):
        done = self.context.__exit__(*raised)
        assert self.caught.value.status_code == self.status
        assert SDK < (0, 226) or type(self.caught.value) is self.expected
        return done


def needs(git, name):
    inner = git.git if isinstance(git, Waiting) else git
    if not hasattr(inner, name):
        pytest.skip(f"this SDK has no git.{name}")


def test_a_day_with_a_remote(git, box, servers, remote, path):
    git.clone(f"{servers[0]}/{remote}", path, **LOGIN)
    status = git.status(path)
    assert (status.current_branch, status.file_status, status.branch_published) == ("main", [], True)
    assert (status.ahead, status.behind) == (0, 0)
    assert git.branches(path).branches == ["main"]
    git.create_branch(path, "feature")
    assert sorted(git.branches(path).branches) == ["feature", "main"]
    box.fs.upload_file(b"new", f"{path}/new.txt")
    box.fs.upload_file(b"two\n", f"{path}/file")
    git.add(path, ["new.txt"])
    told = [(file.name, file.staging.value, file.worktree.value, file.extra) for file in git.status(path).file_status]
    assert told == [("file", "Unmodified", "Modified", ""), ("new.txt", "Added", "Unmodified", "")]
    git.add(path, ["."])
    commit = git.commit(path, "a new file", "Ann", "ann@example.com")
    assert shell(box, f"git -C {path} log -1 --format='%H %an %ae %s'") == f"{commit.sha} Ann ann@example.com a new file"
    git.push(path, **LOGIN)
    assert shell(box, f"git -C git/served/{remote} rev-parse feature") == commit.sha
    git.checkout_branch(path, "main")
    git.delete_branch(path, "feature")
    git.checkout_branch(path, commit.sha)
    assert git.status(path).current_branch == "HEAD"
    git.checkout_branch(path, "main")
    git.clone(f"{servers[0]}/{remote}", f"{path}-other", **LOGIN)
    empty = git.commit(f"{path}-other", "nothing", "Ann", "ann@example.com", allow_empty=True)
    git.push(f"{path}-other", **LOGIN)
    git.pull(path, **LOGIN)
    assert shell(box, f"git -C {path} rev-parse HEAD") == empty.sha


def test_branch_and_commit(git, box, servers, remote, path):
    git.clone(f"{servers[0]}/{remote}", path, branch="side", **LOGIN)
    assert git.status(path).current_branch == "side"
    first = shell(box, f"git -C {path} rev-parse side~1")
    git.clone(f"{servers[0]}/{remote}", f"{path}-first", branch="side", commit_id=first, **LOGIN)
    assert shell(box, f"git -C {path}-first rev-parse HEAD") == first


def test_wrong_password(git, servers, remote, path):
    url = f"{servers[0]}/{remote}"
    for login in [{}, {"username": "me", "password": "wrong word"}]:
        with raises("DaytonaGitAuthFailedError", 401):
            git.clone(url, path, **login)
    git.clone(url, path, **LOGIN)
    git.commit(path, "mine", "Ann", "ann@example.com", allow_empty=True)
    with raises("DaytonaGitAuthFailedError", 401):
        git.push(path, username="me", password="wrong word")
    with raises("DaytonaGitAuthFailedError", 401):
        git.pull(path)


def test_what_is_not_there(git, servers, remote, path):
    with raises("DaytonaGitRepoNotFoundError", 404):
        git.clone(f"{servers[0]}/none.git", path, **LOGIN)
    with raises("DaytonaGitBranchNotFoundError", 404):
        git.clone(f"{servers[0]}/{remote}", path, branch="none", **LOGIN)
    with raises("DaytonaGitTransportFailedError", 502):
        git.clone("http://127.0.0.1:1/a.git", path)
    with raises("DaytonaGitRepoNotFoundError", 404):
        git.status(path)
    git.clone(f"{servers[0]}/{remote}", path, **LOGIN)
    with raises("DaytonaGitBranchNotFoundError", 404):
        git.checkout_branch(path, "none")
    with raises("DaytonaGitBranchNotFoundError", 404):
        git.delete_branch(path, "none")
    with raises("DaytonaGitBranchExistsError", 409):
        git.create_branch(path, "main")


def test_two_histories(git, box, servers, remote, path):
    for place in [path, f"{path}-other"]:
        git.clone(f"{servers[0]}/{remote}", place, **LOGIN)
    box.fs.upload_file(b"theirs\n", f"{path}-other/file")
    git.add(f"{path}-other", ["."])
    git.commit(f"{path}-other", "theirs", "Ann", "ann@example.com")
    git.push(f"{path}-other", **LOGIN)
    box.fs.upload_file(b"mine\n", f"{path}/file")
    with raises("DaytonaGitDirtyWorktreeError", 409):
        git.pull(path, **LOGIN)
    git.add(path, ["."])
    git.commit(path, "mine", "Ann", "ann@example.com")
    with raises("DaytonaGitPushRejectedError", 409):
        git.push(path, **LOGIN)
    with raises("DaytonaGitMergeConflictError", 409):
        git.pull(path, **LOGIN)
    status = git.status(path)
    assert (status.ahead, status.behind) == (1, 1)
    box.process.exec(f"git -C {path} merge origin/main")
    assert [file.worktree.value for file in git.status(path).file_status] == ["Updated but unmerged"]
    with raises("DaytonaGitMergeConflictError", 409):
        git.commit(path, "in two", "Ann", "ann@example.com")


def test_refused_by_the_remote(git, box, servers, remote, path):
    git.clone(f"{servers[0]}/{remote}", path, **LOGIN)
    hook = f"git/served/{remote}/hooks/pre-receive"
    shell(box, f"printf '#!/bin/sh\\necho not on Fridays >&2\\nexit 1\\n' > {hook}; chmod +x {hook}")
    git.commit(path, "mine", "Ann", "ann@example.com", allow_empty=True)
    with raises("DaytonaGitRemoteRejectedError", 422):
        git.push(path, **LOGIN)


def test_certificate_and_depth(git, box, servers, remote, path):
    needs(git, "init")
    with raises("DaytonaGitTransportFailedError", 502):
        git.clone(f"{servers[1]}/{remote}", path, **LOGIN)
    git.clone(f"{servers[1]}/{remote}", path, branch="side", depth=1, insecure_skip_tls=True, **LOGIN)
    assert shell(box, f"git -C {path} rev-list --count HEAD") == "1"


def test_a_repository_from_nothing(git, box, servers, path):
    needs(git, "init")
    git.init(path, initial_branch="trunk")
    status = git.status(path)
    assert (status.current_branch, status.detached, status.upstream) == ("trunk", False, "")
    assert (git.branches(path).branches, git.branches(path).current) == ([], "trunk")
    assert git.remotes(path).remotes == []
    git.init(f"{path}-bare", bare=True, initial_branch="trunk")
    git.remote_add(path, "origin", "/nowhere")
    with raises("DaytonaConflictError", 409):
        git.remote_add(path, "origin", f"{path}-bare")
    git.remote_add(path, "origin", f"{path}-bare", overwrite=True, fetch=True)
    assert git.remote_get(path, "origin") == f"{path}-bare"
    assert git.remote_get(path, "other") is None
    box.fs.upload_file(b"one\n", f"{path}/file")
    git.add(path, ["file"])
    git.commit(path, "first", "Ann", "ann@example.com")
    git.push(path, set_upstream=True)
    status = git.status(path)
    assert (status.upstream, status.ahead, status.branch_published) == ("origin/trunk", 0, True)
    git.push(path, branch="trunk", remote="origin")
    git.pull(path, branch="trunk", remote="origin")
    git.checkout_branch(path, shell(box, f"git -C {path} rev-parse HEAD"))
    assert git.status(path).detached
    assert git.branches(path).current == ""


def test_undo(git, box, path):
    needs(git, "reset")
    git.init(path)
    box.fs.upload_file(b"one\n", f"{path}/file")
    git.add(path, ["."])
    first = git.commit(path, "first", "Ann", "ann@example.com").sha
    box.fs.upload_file(b"two\n", f"{path}/file")
    git.add(path, ["."])
    git.restore(path, ["file"], staged=True)
    assert git.status(path).file_status[0].worktree.value == "Modified"
    git.restore(path, ["file"])
    assert git.status(path).file_status == []
    box.fs.upload_file(b"two\n", f"{path}/file")
    git.add(path, ["."])
    git.reset(path, files=["file"])
    assert git.status(path).file_status[0].staging.value == "Unmodified"
    git.add(path, ["."])
    git.commit(path, "second", "Ann", "ann@example.com")
    git.restore(path, ["file"], worktree=True, source=first)
    assert box.fs.download_file(f"{path}/file") == b"one\n"
    git.reset(path, mode="hard", target="HEAD~1")
    assert (git.status(path).file_status, shell(box, f"git -C {path} rev-parse HEAD")) == ([], first)
    with raises("DaytonaBadRequestError", 400):
        git.reset(path, mode="harder")
    with raises("DaytonaNotFoundError", 404):
        git.reset(path, target="none")


def test_settings(git, box, path):
    needs(git, "set_config")
    key = f"suite.k{uuid.uuid4().hex[:8]}"
    assert git.get_config(key) is None
    git.set_config(key, "a value")
    assert git.get_config(key) == "a value"
    git.init(path)
    git.set_config(key, "another", scope="local", path=path)
    assert (git.get_config(key, scope="local", path=path), git.get_config(key)) == ("another", "a value")
    git.configure_user("Bob", "bob@example.com", scope="local", path=path)
    assert shell(box, f"git -C {path} var GIT_AUTHOR_IDENT").startswith("Bob <bob@example.com>")
    # The user of the sandbox does not own the system's settings.
    with raises("DaytonaForbiddenError", 403):
        git.set_config(key, "a value", scope="system")
    with raises("DaytonaBadRequestError", 400):
        git.get_config(key, scope="local")


def test_kept_password(git, box, servers, remote, path):
    needs(git, "dangerously_authenticate")
    git.dangerously_authenticate("me", "right word", host=servers[0].removeprefix("http://"), protocol="http")
    git.clone(f"{servers[0]}/{remote}", path)
    git.dangerously_authenticate("me", "token")
    assert "https://me:token@github.com" in box.fs.download_file(".git-credentials").decode()
    shell(box, "rm ~/.git-credentials; git config --global --unset-all credential.helper")
