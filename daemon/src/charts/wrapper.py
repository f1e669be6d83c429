"""Runs a program so that matplotlib's show() prints each figure as one marked line.

The daemon replaces @PADDOCK_USER_CODE@ by the program in base64 and feeds this file to python3's stdin.
Values are what the SDKs check for: finite numbers, and a bar's value as text. On a time axis numbers are
seconds since 1970.
"""

import base64
import importlib.abc
import io
import json
import linecache
import math
import sys
import traceback
import types

MARKER = "dtn_artifact_k39fd2:"
FILE = "<target_code>"
SOURCE = base64.b64decode("@PADDOCK_USER_CODE@").decode("utf-8", "replace")
OUT = sys.stdout


def finite(value):
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def finites(values):
    return [number for number in map(finite, values) if number is not None]


def number_text(value):
    number = finite(value)
    if number is None:
        return ""
    return str(int(number)) if number.is_integer() else repr(number)


def public(label):
    """matplotlib names what has no label `_child0` and the like."""
    text = str(label or "")
    return "" if text.startswith("_") else text


class Axis:
    """One axis, after drawing: how to read positions on it."""

    def __init__(self, axis, scale):
        from matplotlib import category, dates

        getter = getattr(axis, "get_converter", None)
        converter = getter() if getter else getattr(axis, "converter", None)
        formatter = axis.get_major_formatter()
        date_formatters = (dates.DateFormatter, dates.AutoDateFormatter, dates.ConciseDateFormatter)
        self.scale = scale
        if isinstance(converter, category.StrCategoryConverter):
            self.scale = "categorical"
        elif isinstance(formatter, date_formatters):
            self.scale = "datetime"
        pairs = zip(axis.get_majorticklocs(), (label.get_text() for label in axis.get_majorticklabels()))
        self.locations, self.tick_labels = [], []
        for location, text in pairs:
            if finite(location) is not None:
                self.locations.append(float(location))
                self.tick_labels.append(text)
        fixed = type(formatter).__name__ in ("FixedFormatter", "StrCategoryFormatter", "FuncFormatter")
        self.named = any(self.tick_labels) and (fixed or self.scale == "categorical")

    def number(self, position):
        position = finite(position)
        if position is None or self.scale != "datetime":
            return position
        from matplotlib import dates

        try:
            return dates.num2date(position).timestamp()
        except (ValueError, OverflowError):
            return None

    def ticks(self):
        pairs = [(self.number(at), text) for at, text in zip(self.locations, self.tick_labels)]
        pairs = [(at, text) for at, text in pairs if at is not None]
        return [at for at, _ in pairs], [text for _, text in pairs]

    def name(self, position):
        """What a reader sees at a position: the nearest tick where ticks are names, else the position."""
        if self.named:
            at = min(range(len(self.locations)), key=lambda index: abs(self.locations[index] - position))
            return self.tick_labels[at]
        if self.scale == "datetime":
            from matplotlib import dates

            return dates.num2date(position).isoformat()
        return number_text(position)

    def points(self, other, xs, ys):
        pairs = ((self.number(x), other.number(y)) for x, y in zip(xs, ys))
        return [[x, y] for x, y in pairs if x is not None and y is not None]


def series(ax):
    """Lines of data. Those of axhline and the like are drawn over the picture, not among its points."""
    return [line for line in ax.lines if line.get_transform() == ax.transData]


def line_elements(lines, x, y):
    return [
        {"label": public(line.get_label()), "points": x.points(y, line.get_xdata(orig=False), line.get_ydata(orig=False))}
        for line in lines
    ]


def scatter_elements(collections, x, y):
    elements = []
    for collection in collections:
        offsets = collection.get_offsets()
        filled = offsets.filled(float("nan")) if hasattr(offsets, "filled") else offsets
        points = x.points(y, [pair[0] for pair in filled], [pair[1] for pair in filled])
        elements.append({"label": public(collection.get_label()), "points": points})
    return elements


def is_horizontal(bars):
    orientation = getattr(bars[0], "orientation", None)
    if orientation is not None:
        return orientation == "horizontal"
    heights = [bar.get_height() for container in bars for bar in container.patches]
    return len(heights) > 1 and all(height == heights[0] for height in heights)


def bar_elements(bars, x, y, horizontal):
    elements = []
    for container in bars:
        group = public(container.get_label())
        for bar in container.patches:
            if horizontal:
                label, value = y.name(bar.get_y() + bar.get_height() / 2), bar.get_width()
            else:
                label, value = x.name(bar.get_x() + bar.get_width() / 2), bar.get_height()
            elements.append({"label": label, "group": group, "value": number_text(value)})
    return elements


def pie_elements(wedges):
    return [
        {"label": public(wedge.get_label()), "angle": finite(abs(wedge.theta2 - wedge.theta1)), "radius": finite(wedge.r)}
        for wedge in wedges
    ]


def box_elements(boxes, x, y, rotated):
    elements = []
    for stats, position in boxes:
        axis = y if rotated else x
        element = {"label": str(stats.get("label") or axis.name(position)), "outliers": finites(stats.get("fliers", []))}
        names = (("min", "whislo"), ("first_quartile", "q1"), ("median", "med"), ("third_quartile", "q3"), ("max", "whishi"))
        for name, key in names:
            element[name] = finite(stats.get(key))
        elements.append(element)
    return elements


def classify(ax):
    """(type, elements, whether the value axis is the horizontal one)"""
    from matplotlib.collections import PathCollection
    from matplotlib.container import BarContainer
    from matplotlib.patches import Wedge

    x, y = Axis(ax.xaxis, ax.get_xscale()), Axis(ax.yaxis, ax.get_yscale())
    wedges = [patch for patch in ax.patches if isinstance(patch, Wedge)]
    bars = [container for container in ax.containers if isinstance(container, BarContainer) and container.patches]
    scatters = [collection for collection in ax.collections if isinstance(collection, PathCollection)]
    boxes = getattr(ax, "_paddock_boxes", None)
    if wedges:
        return "pie", pie_elements(wedges), False
    if boxes:
        rotated = ax._paddock_boxes_rotated
        return "box_and_whisker", box_elements(boxes, x, y, rotated), rotated
    if bars:
        horizontal = is_horizontal(bars)
        return "bar", bar_elements(bars, x, y, horizontal), horizontal
    if scatters:
        return "scatter", scatter_elements(scatters, x, y), False
    lines = series(ax)
    if lines:
        return "line", line_elements(lines, x, y), False
    return "unknown", [], False


def title_of(ax):
    return next((title for title in (ax.get_title(where) for where in ("center", "left", "right")) if title), "")


def chart_of(ax):
    try:
        kind, elements, swapped = classify(ax)
    except Exception:  # An unusual figure must not break the program: its picture still tells.
        kind, elements, swapped = "unknown", [], False
    labels = [ax.get_xlabel(), ax.get_ylabel()]
    if swapped:
        labels.reverse()
    return {"type": kind, "title": title_of(ax), "x_label": labels[0], "y_label": labels[1], "elements": elements}


def render(figure, box="tight"):
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100, bbox_inches=box)
    return base64.b64encode(picture.getvalue()).decode("ascii")


def with_axes(chart, ax):
    try:
        x, y = Axis(ax.xaxis, ax.get_xscale()), Axis(ax.yaxis, ax.get_yscale())
        chart["x_ticks"], chart["x_tick_labels"] = x.ticks()
        chart["y_ticks"], chart["y_tick_labels"] = y.ticks()
        chart["x_scale"], chart["y_scale"] = x.scale, y.scale
    except Exception:  # As above.
        pass
    return chart


def charted_axes(figure):
    """Those that a reader would call a chart: no colorbar, and no place of a grid that was left empty."""
    axes = [ax for ax in figure.axes if ax.get_visible() and not hasattr(ax, "_colorbar")]
    filled = [ax for ax in axes if ax.has_data() or getattr(ax, "get_subplotspec", lambda: None)() is None]
    return filled or axes[:1]


def describe(figure):
    png = render(figure)  # Draws, which also settles ticks and labels.
    heading = getattr(figure, "_suptitle", None)
    heading = heading.get_text() if heading is not None else ""
    axes = charted_axes(figure)
    if not axes:
        return {"type": "unknown", "title": heading, "png": png, "elements": []}
    if len(axes) == 1:
        chart = chart_of(axes[0])
        if chart["type"] in ("line", "scatter"):
            with_axes(chart, axes[0])
        return {**chart, "title": chart["title"] or heading, "png": png}
    parts = []
    for ax in axes:
        part = chart_of(ax)
        del part["elements"]
        box = ax.get_tightbbox()
        if box is not None and box.width > 0 and box.height > 0:
            part["png"] = render(figure, box.transformed(figure.dpi_scale_trans.inverted()))
        parts.append(part)
    return {"type": "composite_chart", "title": heading, "png": png, "elements": parts}


def show(*_, **__):
    from matplotlib import pyplot

    seen = set()
    for number in pyplot.get_fignums():
        chart = describe(pyplot.figure(number))
        if chart["png"] in seen:
            continue
        seen.add(chart["png"])
        line = MARKER + json.dumps({"type": "chart", "value": chart}, allow_nan=False)
        sys.stdout.flush()
        OUT.write(line + "\n")
        OUT.flush()
    pyplot.close("all")


def remember_boxes(bxp):
    """A drawn box plot is plain lines; what they mean is known only here."""

    def bxp_and_remember(self, bxpstats, *args, **kwargs):
        artists = bxp(self, bxpstats, *args, **kwargs)
        medians = artists.get("medians") or []
        rotated = bool(medians) and medians[0].get_xdata()[0] == medians[0].get_xdata()[-1]
        boxes = getattr(self, "_paddock_boxes", [])
        for index, stats in enumerate(bxpstats):
            position = index + 1
            if index < len(medians):
                data = medians[index].get_ydata() if rotated else medians[index].get_xdata()
                position = (data[0] + data[-1]) / 2
            boxes.append((stats, position))
        self._paddock_boxes, self._paddock_boxes_rotated = boxes, rotated
        return artists

    return bxp_and_remember


class PatchPyplot(importlib.abc.MetaPathFinder):
    """Patches matplotlib when the program imports it, from wherever the program says, and not before."""

    def find_spec(self, name, path=None, target=None):
        if name != "matplotlib.pyplot":
            return None
        others = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_patch(module):
                load(module)
                patch(module)

            spec.loader.exec_module = load_and_patch
        return spec


def patch(pyplot):
    pyplot.show = show
    try:
        from matplotlib import axes

        # Once, also when the module is loaded anew.
        if not hasattr(axes.Axes.bxp, "_paddock"):
            axes.Axes.bxp = remember_boxes(axes.Axes.bxp)
            axes.Axes.bxp._paddock = True
    except Exception:  # Another matplotlib than we know: box plots will be lines.
        pass


def user_frames(error):
    """Only the program's own lines, also of the errors this one came from."""
    seen, todo = set(), [error]
    while todo:
        part = todo.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        part.stack = traceback.StackSummary.from_list([frame for frame in part.stack if frame.filename == FILE])
        todo += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or [])]
    return error


def run():
    sys.meta_path.insert(0, PatchPyplot())
    if "matplotlib.pyplot" in sys.modules:  # By a .pth file or sitecustomize.
        patch(sys.modules["matplotlib.pyplot"])
    linecache.cache[FILE] = (len(SOURCE), None, SOURCE.splitlines(True), FILE)
    # A module of its own, so that the program's classes can be found again, by pickle for one.
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    try:
        exec(compile(SOURCE, FILE, "exec"), main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        sys.stdout.flush()
        report = user_frames(traceback.TracebackException.from_exception(error))
        print("".join(report.format()), end="", file=sys.stderr, flush=True)
        sys.exit(1)


run()
