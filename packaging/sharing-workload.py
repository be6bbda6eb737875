# What the containers of packaging/sharing-demo run, as a service built on Python's scientific stack
# starts: imports every module of the packages that are named on its command line, then reads fonts,
# time zones and data sets. Prints how many modules were imported, and how many files that took.
import contextlib
import importlib
import io
import pkgutil
import sys
import warnings

opened = set()


def note(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.add(arguments[0])


def skipped(name):
    """Tests, build scripts, and what draws on a screen."""
    last = name.rsplit(".", 1)[1]
    return ".tests" in name or last in ("__main__", "conftest", "setup", "idlelib", "turtledemo")


def modules(package):
    # onerror: a package that can't be imported for want of an optional one has no modules here.
    return [
        found.name
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".", lambda _: None)
        if not skipped(found.name)
    ]


def load(names):
    for name in names:
        package = importlib.import_module(name)
        for module in modules(package) if hasattr(package, "__path__") else ():
            # Some need what is not installed, or another system.
            with contextlib.suppress(Exception, SystemExit):
                importlib.import_module(module)


def read_data():
    import zoneinfo

    import matplotlib.font_manager
    import sklearn.datasets

    for zone in sorted(zoneinfo.available_timezones()):
        zoneinfo.ZoneInfo(zone)
    for font in matplotlib.font_manager.fontManager.ttflist:
        matplotlib.font_manager.get_font(font.fname)
    for data in ("iris", "digits", "wine", "diabetes", "breast_cancer"):
        getattr(sklearn.datasets, "load_" + data)()
    return sklearn.datasets.load_iris()


def main():
    sys.addaudithook(note)
    warnings.simplefilter("ignore")
    import matplotlib

    matplotlib.use("Agg")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        load(sys.argv[1:])
        data = read_data()

    # One figure, so that more than imports has worked.
    import numpy
    import sklearn.linear_model

    model = sklearn.linear_model.LinearRegression().fit(data.data, data.target)
    score = model.score(data.data, data.target)
    shared = {line.split(maxsplit=5)[5] for line in maps() if ".so" in line}
    files = {name for name in opened if not name.startswith("/tmp/")}
    print(
        f"numpy {numpy.__version__}: {len(sys.modules)} modules, "
        f"{len(files | {name.strip() for name in shared})} files opened, score {score:.3f}"
    )


def maps():
    with contextlib.suppress(OSError), open("/proc/self/maps") as lines:
        return list(lines)
    return []


main()
