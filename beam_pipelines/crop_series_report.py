"""The report of a build of crop series."""


def write_report(path, *args):
    return path
