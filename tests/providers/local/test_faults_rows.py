"""Every row of the fault catalogue is played by some fault, and every fault plays some row."""

from __future__ import annotations

import re

from fault_rows import EXACT, NOT_PLAYED, ROWS
from shared_data import shared_path
from toolfan_local.faults import CATALOGUE, SECTIONS


def test_every_row_names_faults_that_there_are() -> None:
    named = {name for names in (*ROWS.values(), *EXACT.values()) for name in names.split()}
    assert named == {*CATALOGUE}
    assert not {*ROWS} & {*NOT_PLAYED}


def test_a_fault_stands_in_the_section_of_its_row() -> None:
    """Google's rows, and one of the clock, are played by faults of other sections too."""
    for (section, title), names in ROWS.items():
        homes = {CATALOGUE[name].section for name in names.split()}
        assert section == "6" or title == "clock jump" or homes == {section}, title


def test_every_fault_is_described() -> None:
    for name, fault in CATALOGUE.items():
        assert fault.name == name
        assert re.fullmatch(r"[a-z0-9.-]+", name)
        assert not name.endswith("-once")
        assert fault.section in SECTIONS
        assert fault.description
        assert fault.expectation
        assert fault.dialects


def test_the_table_is_the_catalogue() -> None:
    """Row by row, where the catalogue is at hand."""
    section, rows, exact = "", set(), set[str]()
    for line in shared_path("facts/faults.md").read_text(encoding="utf-8").splitlines():
        heading = re.match(r"#+ ([\d.]+?)\.? ", line)
        if heading:
            section = heading[1]
        if line.startswith("Exact in SDK"):
            exact = {item.strip() for item in line.partition(": ")[2].partition(". ")[0].split("; ")}
        if section in SECTIONS and section != "0" and line.startswith("| "):
            rows.add((section, line.split("|")[1].strip().replace("**", "")))
    rows -= {(section, "fault") for section in SECTIONS}
    assert rows == {*ROWS, *NOT_PLAYED}
    assert exact == {*EXACT}
