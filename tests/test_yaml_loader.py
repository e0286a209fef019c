"""Loaders that leave some plain scalars as text."""

import datetime

import yaml

from netpol_harness.yaml_loader import SAFE_LOADER, safe_loader

TEXT = "{day: 2024-01-01, number: 1, sign: =, base: &b {a: 1}, all: {<<: *b}}"


def test_a_left_out_type_stays_text() -> None:
    read = yaml.load(TEXT, safe_loader(without={"timestamp", "merge", "value"}))
    assert read == {"day": "2024-01-01", "number": 1, "sign": "=", "base": {"a": 1}, "all": {"<<": {"a": 1}}}


def test_the_base_loader_keeps_its_types() -> None:
    safe_loader(without={"timestamp"})
    assert yaml.load("2024-01-01", SAFE_LOADER) == datetime.date(2024, 1, 1)
