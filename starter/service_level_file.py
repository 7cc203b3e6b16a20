"""The file with the service levels of an installation."""

from __future__ import annotations

from pathlib import Path

from domain.reading import read_model
from domain.service_level import ServiceLevels
from starter.stories.material import read_file


def read_service_levels(path: Path | None) -> ServiceLevels:
    """The targets in a YAML or JSON file; without one there are none.

    Codes: ``unreadable_file``, ``invalid_yaml``, ``invalid_json``, ``missing_field`` (a target without its time),
    ``conflicting_fields``, ``invalid_duration``, ``unknown_field``.
    """
    return ServiceLevels() if path is None else read_model(ServiceLevels, read_file(path))
