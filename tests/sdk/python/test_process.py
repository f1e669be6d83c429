"""exec and code_run."""

import base64

import pytest
from daytona import ChartType, CodeRunParams, DaytonaError
from conftest import SDK, error_class


def test_exec_result_and_exit_code(box):
    answer = box.process.exec("echo one; echo two")
    assert (answer.exit_code, answer.result.splitlines()) == (0, ["one", "two"])
    assert answer.artifacts.stdout == answer.result
    assert box.process.exec("exit 3").exit_code == 3
    missing = box.process.exec("no-such-command-here")
    assert missing.exit_code == 127
    assert "no-such-command-here" in missing.result


def test_exec_merges_stderr_in_order(box):
    answer = box.process.exec("echo out; echo err >&2; echo out again; ls /nowhere; exit 4")
    lines = answer.result.splitlines()
    assert lines[:3] == ["out", "err", "out again"]
    assert "/nowhere" in lines[3]
    assert answer.exit_code == 4


def test_exec_cwd(box):
    assert box.process.exec("pwd").result.strip() == "/home/daytona"
    assert box.process.exec("pwd", cwd="/tmp").result.strip() == "/tmp"
    nowhere = box.process.exec("pwd", cwd="/does/not/exist")
    assert nowhere.exit_code == -1
    assert nowhere.result


def test_exec_env(box):
    value = "with 'quotes' \"and\" $dollars; and ü"
    assert box.process.exec('printf "%s" "$VALUE"', env={"VALUE": value}).result.strip() == value
    assert box.process.exec("echo ${VALUE:-gone}").result.strip() == "gone"


def test_exec_timeout_kills_the_whole_group(box):
    with pytest.raises(error_class("DaytonaTimeoutError") if SDK >= (0, 226) else DaytonaError) as caught:
        box.process.exec("sh -c 'sleep 4321' & sleep 4321", timeout=1)
    assert caught.value.status_code == 408
    assert box.process.exec("pgrep -fx 'sleep 4321' | wc -l").result.strip() == "0"


def test_exec_large_output(box):
    answer = box.process.exec("seq 1 200000")
    lines = answer.result.split()
    assert (len(lines), lines[0], lines[-1]) == (200000, "1", "200000")


def test_exec_runs_as_a_user_with_sudo(box):
    assert box.process.exec("id -un; sudo id -un").result.split() == ["daytona", "root"]


def test_many_at_once(box):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: box.process.exec(f"echo {n}").result.strip(), range(40)))
    assert answers == [str(n) for n in range(40)]


def test_code_run(box):
    answer = box.process.code_run("import sys\nprint(sum(range(10)))\nprint('to stderr', file=sys.stderr)")
    assert answer.exit_code == 0
    assert answer.result.split("\n")[:2] == ["45", "to stderr"]


def test_code_run_argv_and_env(box):
    params = CodeRunParams(argv=["first", "second"], env={"FROM_ENV": "x y"})
    answer = box.process.code_run("import os, sys; print(sys.argv[1:], os.environ['FROM_ENV'])", params)
    assert answer.result.strip() == "['first', 'second'] x y"


def test_code_run_failure_shows_the_users_frames(box):
    answer = box.process.code_run("def inner():\n    raise ValueError('wrong')\ninner()")
    assert answer.exit_code == 1
    assert "ValueError: wrong" in answer.result
    assert "inner" in answer.result
    assert box.process.code_run("import sys; sys.exit(9)").exit_code == 9


def test_code_run_timeout(box):
    # Newer SDKs let the generated client's exception through here.
    with pytest.raises(Exception) as caught:
        box.process.code_run("import time; time.sleep(4322)", timeout=1)
    assert 408 in (getattr(caught.value, "status_code", None), getattr(caught.value, "status", None))


def test_code_run_javascript_and_typescript(create):
    for language, code in [
        ("javascript", "const [,, ...rest] = ['', '', 'a']; console.log([1, 2].map(x => x * 2).join(), rest.length)"),
        ("typescript", "const twice = (x: number): number => x * 2;\nconsole.log([1, 2].map(twice).join(), 1)"),
    ]:
        sandbox = create(language=language)
        answer = sandbox.process.code_run(code)
        assert (answer.exit_code, answer.result.strip()) == (0, "2,4 1"), answer.result
        thrown = sandbox.process.code_run("throw new Error('wrong')")
        assert thrown.exit_code != 0
        assert "wrong" in thrown.result
        sandbox.delete()


CHARTS = """
import matplotlib.pyplot as plt

plt.figure()
plt.plot([1, 2, 3], [4, 5, 6], label='rising')
plt.title('A line'); plt.xlabel('time'); plt.ylabel('height'); plt.legend()
plt.show()

plt.figure()
plt.bar(['a', 'b'], [10, 20])
plt.title('Bars')
plt.show()

fig, (left, right) = plt.subplots(1, 2)
left.scatter([1, 2], [3, 4])
right.pie([1, 3], labels=['one', 'three'])
plt.show()
print('done')
"""


def test_charts(box):
    answer = box.process.code_run(CHARTS)
    assert answer.exit_code == 0, answer.result
    assert answer.result.strip() == "done"
    line, bars, both = answer.artifacts.charts
    assert all(base64.b64decode(chart.png).startswith(b"\x89PNG\r\n") for chart in (line, bars, both))

    assert line.type == ChartType.LINE
    assert (line.title, line.x_label, line.y_label) == ("A line", "time", "height")
    assert line.elements[0].label == "rising"
    assert [list(map(float, point)) for point in line.elements[0].points] == [[1, 4], [2, 5], [3, 6]]

    assert (bars.type, bars.title) == (ChartType.BAR, "Bars")
    assert [(bar.label, float(bar.value)) for bar in bars.elements] == [("a", 10), ("b", 20)]

    assert both.type == ChartType.COMPOSITE_CHART
    assert [part.type for part in both.elements] == [ChartType.SCATTER, ChartType.PIE]


def test_no_charts_without_matplotlib(box):
    assert not box.process.code_run("print('plain')").artifacts.charts
