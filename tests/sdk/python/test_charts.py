"""Figures that code_run finds, as the SDK's own models read them."""

import base64

import pytest
from daytona import ChartType
from conftest import SDK

# Before 0.190 the SDK wraps the program itself, and its wrapper makes the charts.
ours = pytest.mark.skipif(SDK < (0, 190), reason="this SDK's charts are its own")

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


HEAD = """
import datetime
import matplotlib.pyplot as plt
nan = float('nan')
dates = [datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc), datetime.datetime(2024, 1, 3, tzinfo=datetime.timezone.utc)]
"""

NEW_YEAR = 1704067200
DAY = 86400

# What is drawn, its type, its elements (see `elements_of`), and what else is known of it.
TABLE = {
    "line": (
        "plt.plot([1, 2, 3], [4, 5, 6], label='a'); plt.plot([1, 2], [7, 8]); plt.xticks([1, 2, 3], ['one', 'two', 'three'])",
        ChartType.LINE,
        [("a", [[1, 4], [2, 5], [3, 6]]), ("", [[1, 7], [2, 8]])],
        {"x_ticks": [1, 2, 3], "x_tick_labels": ["one", "two", "three"], "x_scale": "linear", "y_scale": "linear"},
    ),
    "scatter": (
        "plt.scatter([1, 2], [3, 4], label='s'); plt.yticks([3, 4])",
        ChartType.SCATTER,
        [("s", [[1, 3], [2, 4]])],
        {"y_ticks": [3, 4], "y_tick_labels": ["3", "4"]},
    ),
    "NaN": (
        "plt.plot([1, 2, 3], [1, nan, 3])",
        ChartType.LINE,
        [("", [[1, 1], [3, 3]])],
        {},
    ),
    "datetime": (
        "plt.plot(dates, [1, 2]); plt.xticks(dates)",
        ChartType.LINE,
        [("", [[NEW_YEAR, 1], [NEW_YEAR + 2 * DAY, 2]])],
        {"x_scale": "datetime", "x_ticks": [NEW_YEAR, NEW_YEAR + 2 * DAY]},
    ),
    "categorical": (
        "plt.plot(['low', 'high'], [1, 2])",
        ChartType.LINE,
        [("", [[0, 1], [1, 2]])],
        {"x_scale": "categorical", "x_ticks": [0, 1], "x_tick_labels": ["low", "high"]},
    ),
    "log": (
        "plt.plot([1, 10, 100], [1, 2, 3]); plt.xscale('log'); plt.xticks([1, 10, 100])",
        ChartType.LINE,
        [("", [[1, 1], [10, 2], [100, 3]])],
        {"x_scale": "log", "x_ticks": [1, 10, 100]},
    ),
    "axhline": (
        "plt.plot([10, 20], [1, 2], label='data'); plt.axhline(1.5); plt.axvline(15); plt.axline((10, 1), slope=1)",
        ChartType.LINE,
        [("data", [[10, 1], [20, 2]])],
        {},
    ),
    "bar": (
        "plt.bar(['a', 'b'], [1.5, 20], label='g'); plt.xlabel('X'); plt.ylabel('Y')",
        ChartType.BAR,
        [("a", "g", 1.5), ("b", "g", 20)],
        {"x_label": "X", "y_label": "Y"},
    ),
    "equal bars": (
        "plt.bar(['a', 'b'], [3, 3])",
        ChartType.BAR,
        [("a", "", 3), ("b", "", 3)],
        {},
    ),
    # The labels change places: x is what the bars stand for.
    "horizontal bars": (
        "plt.barh(['a', 'b'], [3, 4]); plt.xlabel('X'); plt.ylabel('Y')",
        ChartType.BAR,
        [("a", "", 3), ("b", "", 4)],
        {"x_label": "Y", "y_label": "X"},
    ),
    "pie": (
        "plt.pie([1, 3], labels=['one', 'three'], autopct='%1.0f%%', radius=2); plt.title('P')",
        ChartType.PIE,
        [("one", 90, 2), ("three", 270, 2)],
        {"title": "P"},
    ),
    "box plot": (
        "plt.boxplot([[1, 2, 3, 4, 20], [2, 2, 2]], tick_labels=['a', 'b']); plt.xlabel('X'); plt.ylabel('Y')",
        ChartType.BOX_AND_WHISKER,
        [("a", 1, 2, 3, 4, 4, [20]), ("b", 2, 2, 2, 2, 2, [])],
        {"x_label": "X", "y_label": "Y"},
    ),
    "horizontal box plot": (
        "plt.boxplot([[1, 2, 3]], tick_labels=['a'], orientation='horizontal'); plt.xlabel('X'); plt.ylabel('Y')",
        ChartType.BOX_AND_WHISKER,
        [("a", 1, 1.5, 2, 2.5, 3, [])],
        {"x_label": "Y", "y_label": "X"},
    ),
    "colorbar": (
        "plt.colorbar(plt.scatter([1, 2], [3, 4], c=[5, 6]))",
        ChartType.SCATTER,
        [("", [[1, 3], [2, 4]])],
        {},
    ),
    "empty subplot": (
        "left, right = plt.subplots(1, 2)[1]; left.plot([1, 2], [3, 4])",
        ChartType.LINE,
        [("", [[1, 3], [2, 4]])],
        {},
    ),
    "subplots": (
        "axes = plt.subplots(2, 2)[1].flat; axes[0].plot([1]); axes[1].bar(['a'], [1]); axes[2].pie([1]); plt.suptitle('S')",
        ChartType.COMPOSITE_CHART,
        [ChartType.LINE, ChartType.BAR, ChartType.PIE],
        {"title": "S"},
    ),
    "picture": ("plt.imshow([[1, 2], [3, 4]])", ChartType.UNKNOWN, [], {}),
    "nothing": ("plt.figure()", ChartType.UNKNOWN, [], {}),
}


def elements_of(chart):
    """Plain tuples, in the order of the chart."""
    box = ("label", "min", "first_quartile", "median", "third_quartile", "max", "outliers")
    read = {
        ChartType.LINE: lambda series: (series.label, [list(point) for point in series.points]),
        ChartType.SCATTER: lambda series: (series.label, [list(point) for point in series.points]),
        ChartType.BAR: lambda bar: (bar.label, bar.group, float(bar.value)),
        ChartType.PIE: lambda slice: (slice.label, round(slice.angle, 3), slice.radius),
        ChartType.BOX_AND_WHISKER: lambda element: tuple(getattr(element, name) for name in box),
        ChartType.COMPOSITE_CHART: lambda part: part.type,
    }
    return [read[chart.type](element) for element in chart.elements]


@ours
@pytest.mark.parametrize("name", TABLE)
def test_one_figure(box, name):
    code, kind, elements, more = TABLE[name]
    answer = box.process.code_run(f"{HEAD}{code}\nplt.show()\nprint('done')")
    assert (answer.exit_code, answer.result) == (0, "done\n")
    (chart,) = answer.artifacts.charts
    assert chart.type == kind
    assert elements_of(chart) == elements
    assert {key: getattr(chart, key) for key in more} == more
    assert base64.b64decode(chart.png).startswith(b"\x89PNG\r\n")


@ours
def test_matplotlib_from_a_place_that_the_program_names(box):
    """As after `pip install --target`, when the interpreter could not have imported it at its start."""
    answer = box.process.code_run(
        "import os, subprocess, sys\n"
        "where = subprocess.run([sys.executable, '-c', 'import matplotlib; print(matplotlib.__path__[0])'],\n"
        "                       capture_output=True, text=True).stdout\n"
        "hidden = [place for place in sys.path if place and where.startswith(place + os.sep)]\n"
        "sys.path[:] = [place for place in sys.path if place not in hidden]\n"
        "try:\n"
        "    import matplotlib\n"
        "except ImportError:\n"
        "    print('hidden')\n"
        "sys.path += hidden\n"
        "import matplotlib.pyplot as plt\n"
        "plt.plot([1, 2])\n"
        "plt.show()"
    )
    assert answer.result == "hidden\n"
    assert [chart.type for chart in answer.artifacts.charts] == [ChartType.LINE]
