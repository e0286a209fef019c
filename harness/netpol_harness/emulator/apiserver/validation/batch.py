"""Jobs and CronJobs (batch/v1): counts, the template, what may change, and the schedule."""

import re
from collections.abc import Mapping
from typing import Any

from netpol_harness.emulator.apiserver.errors import Cause, Reason, invalid, not_supported, required
from netpol_harness.emulator.apiserver.validation.workload import check_pod_template
from netpol_harness.model.json_object import JsonObject

_COUNTS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
_MODES = ("Indexed", "NonIndexed")
_CONCURRENCY = ("Allow", "Forbid", "Replace")
_FIXED = ("completions", "completionMode", "selector", "template")
_CRON_NAME_LIMIT = 52
_MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_EVERY = re.compile(r"@every (\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+")
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_RANGES: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
"""The fields of a schedule: what they count, from, to, and the names of the values from the first on."""


def check_job(job: JsonObject) -> list[Cause]:
    """Return causes to refuse the Job."""
    return _check_job_spec(job.get("spec", {}), "spec")


def compare_job(job: JsonObject, previous: JsonObject) -> list[Cause]:
    """Return causes to refuse the change: the template and what counts its pods are immutable."""
    after, before = job.get("spec", {}), previous.get("spec", {})
    fixed = [field for field in _FIXED if after.get(field) != before.get(field)]
    if after.get("completionMode") == "Indexed" and after.get("completions") == after.get("parallelism"):
        fixed = [field for field in fixed if field != "completions"]
    if before.get("suspend") and not previous.get("status", {}).get("startTime"):
        fixed = [field for field in fixed if field != "template"]
    return [invalid(f"spec.{field}", after.get(field), "field is immutable") for field in fixed]


def check_cron_job(cron_job: JsonObject) -> list[Cause]:
    """Return causes to refuse the CronJob."""
    spec, name = cron_job.get("spec", {}), cron_job["metadata"].get("name", "")
    causes = _check_job_spec(spec.get("jobTemplate", {}).get("spec", {}), "spec.jobTemplate.spec")
    if len(name) > _CRON_NAME_LIMIT:
        causes.append(Cause(Reason.INVALID, "metadata.name", f"must be no more than {_CRON_NAME_LIMIT} characters"))
    if spec.get("concurrencyPolicy", "Allow") not in _CONCURRENCY:
        causes.append(not_supported("spec.concurrencyPolicy", spec["concurrencyPolicy"], _CONCURRENCY))
    if not spec.get("schedule"):
        return [*causes, required("spec.schedule")]
    problem = _schedule_problem(spec["schedule"])
    return [*causes, invalid("spec.schedule", spec["schedule"], problem)] if problem else causes


def _check_job_spec(spec: Mapping[str, Any], path: str) -> list[Cause]:
    causes = [
        invalid(f"{path}.{field}", spec[field], "must be greater than or equal to 0")
        for field in _COUNTS
        if spec.get(field, 0) < 0
    ]
    mode = spec.get("completionMode", "NonIndexed")
    if mode not in _MODES:
        causes.append(not_supported(f"{path}.completionMode", mode, _MODES))
    elif mode == "Indexed" and "completions" not in spec:
        causes.append(required(f"{path}.completions", "when completion mode is Indexed"))
    policy, where = spec.get("template", {}).get("spec", {}).get("restartPolicy", "Always"), f"{path}.template.spec"
    if policy == "Always":
        causes.append(required(f"{where}.restartPolicy", 'valid values: "OnFailure", "Never"'))
    return causes + check_pod_template(spec.get("template", {}), f"{path}.template")


def _schedule_problem(schedule: str) -> str:
    """Return what is wrong with a schedule; empty if nothing is. Its language is that of robfig/cron v3."""
    if schedule.startswith("@"):
        known = schedule in _MACROS or _EVERY.fullmatch(schedule)
        return "" if known else f"unrecognized descriptor: {schedule}"
    fields = schedule.split()
    if len(fields) != len(_RANGES):
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    problems = (_field_problem(field, *limits) for field, limits in zip(fields, _RANGES, strict=True))
    return next(filter(None, problems), "")


def _field_problem(field: str, what: str, first: int, last: int, names: list[str]) -> str:
    numbers = {name: str(first + i) for i, name in enumerate(names)}
    for part in field.split(","):
        span, _, step = part.partition("/")
        ends = [] if span in ("*", "?") else [numbers.get(end.upper(), end) for end in span.split("-", 1)]
        if not all(end.isdecimal() for end in ends) or (step and not step.isdecimal()) or part.endswith("/"):
            return f"failed to parse {what} from {part}"
        if any(not first <= int(end) <= last for end in ends) or (len(ends) == 2 and int(ends[0]) > int(ends[1])):
            return f"{what} {span} is not in the range {first}-{last}"
    return ""
