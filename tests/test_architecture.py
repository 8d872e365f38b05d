"""What the tree promises: one direction of imports, short files, plain names."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]

PACKAGES = ("tfds_eo", "models", "beam_pipelines")

MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))


def test_imports_go_one_way_only():
    command = pathlib.Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["utils", "common", "helpers", "core", "base"])
def test_no_module_has_a_name_that_says_nothing(name):
    assert [path for path in MODULES if path.stem == name] == []


def test_no_file_is_longer_than_400_lines():
    lengths = {path: len(path.read_text().splitlines()) for path in MODULES}
    assert {path.name: n for path, n in lengths.items() if n > 400} == {}


def test_no_library_prints():
    printing = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert printing == []


@pytest.mark.parametrize("package", ["tfds_eo", "beam_pipelines.cli"])
def test_workers_and_the_command_line_start_without_tensorflow(package):
    code = f"import {package}, sys; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_data_set_consists_of_the_same_files_every_time():
    import tfds_eo

    for builder in tfds_eo.BUILDERS:
        folder = ROOT / "tfds_eo" / builder.name
        names = {path.name for path in folder.iterdir()}
        assert {
            "__init__.py",
            f"{builder.name}_dataset_builder.py",
            "README.md",
            "CITATIONS.bib",
            "TAGS.txt",
            "checksums.tsv",
        } <= names


def test_every_import_is_declared():
    """A package that is imported is declared in setup.py, not only pulled in."""
    declared = (ROOT / "setup.py").read_text().lower().replace("-", "_")
    distribution = {
        "sklearn": "scikit_learn",
        "google_crc32c": "google_crc32c",
        "PIL": "pillow",
    }
    ours = {*PACKAGES, "tests", "benchmarks"}
    missing = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            for name in names:
                top = name.partition(".")[0]
                if top in sys.stdlib_module_names or top in ours:
                    continue
                if f'"{distribution.get(top, top).lower()}' not in declared:
                    missing.add(f"{top} in {path.relative_to(ROOT)}")
    assert missing == set()
