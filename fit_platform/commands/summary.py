"""What a sync came to: as plain data for scripts, and as a short table for people. Printed on stdout."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from fit_platform.sync import CheckOutcome, SyncResult

_SHOWN = 20


def sync_facts(result: SyncResult, asked: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """Everything about a sync as JSON values. `asked`: athlete-days that were to be pulled, by resource."""
    failed = failed_checks(result.checks)
    return {
        "from": result.window.first.isoformat(),
        "to": result.window.last.isoformat(),
        "exit_code": result.exit_code,
        "resources": [_resource_facts(result, key, days) for key, days in asked.items()],
        "objects_written": result.objects_written,
        "partitions_replaced": result.partitions_replaced,
        "partitions_unchanged": result.partitions_unchanged,
        "rows_loaded": sum(load.rows for _, load in result.loads),
        "quarantined": sum(bad.records for _, load in result.loads for bad in load.quarantine),
        "checks": {
            "run": len({(check.asset, check.name) for check in result.checks}),
            "failed": [
                {"asset": check.asset, "check": check.name, "blocking": check.is_error, "advice": check.advice}
                for check in failed
            ],
        },
        "built": result.built,
        "published": result.published,
        "problems": result.problems,
        "seconds": {stage: round(seconds, 2) for stage, seconds in result.seconds.items()},
    }


def _resource_facts(result: SyncResult, key: tuple[str, str], asked: int) -> dict[str, Any]:
    pulls = [pull for pull in result.pulls if pull.resource.key == key]
    loads = [load for resource, load in result.loads if resource.key == key]
    answered = sum(len(pull.written) for pull in pulls)
    written = sum(pull.changed_days for pull in pulls)
    return {
        "provider": key[0],
        "resource": key[1],
        "athlete_days_asked": asked,
        "athlete_days_written": written,
        "athlete_days_unchanged": answered - written,
        "athlete_days_unavailable": sum(len(pull.unknown) for pull in pulls),
        "objects": sum(pull.objects for pull in pulls),
        "bytes_written": sum(pull.bytes_written for pull in pulls),
        "rejected": sum(pull.rejected for pull in pulls),
        "failures": [
            {
                "athlete_id": failure.athlete_id,
                "verdict": failure.verdict,
                "message": failure.message,
                "retry_at": failure.retry_at.isoformat() if failure.retry_at else None,
            }
            for pull in pulls
            for failure in pull.failures
        ],
        "rows_loaded": sum(load.rows for load in loads),
        "partitions_replaced": sum(len(load.loaded) for load in loads),
        "quarantined": sum(bad.records for load in loads for bad in load.quarantine),
    }


def failed_checks(checks: Iterable[CheckOutcome]) -> list[CheckOutcome]:
    """Checks that failed in any piece of the window, each once; those that block first."""
    failed = {(check.asset, check.name): check for check in checks if not check.passed}
    return sorted(failed.values(), key=lambda check: (not check.is_error, check.asset, check.name))


def print_sync(result: SyncResult, facts: Mapping[str, Any], dbt_errors: Iterable[str] = ()) -> None:
    """The table and the lines below it."""
    if facts["resources"]:
        typer.echo(f"{facts['from']} .. {facts['to']} (UTC days)")
        print_table(
            ["resource", "asked", "written", "unchanged", "objects", "rows loaded", "days loaded", "quarantined", ""],
            [_line(resource) for resource in facts["resources"]],
        )
    if not nothing_changed(result, facts):
        typer.echo(
            f"rows loaded: {facts['rows_loaded']:,} in {facts['partitions_replaced']:,} partitions, "
            f"quarantined: {facts['quarantined']:,}"
        )
    print_checks(facts)
    for problem in [*facts["problems"], *(f"dbt: {line}" for line in dbt_errors)][:_SHOWN]:
        typer.echo(f"problem: {problem}")
    typer.echo(f"marts: {published_words(result)}")
    took = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in facts["seconds"].items())
    typer.echo(f"took {sum(facts['seconds'].values()):.1f} s ({took})")


def nothing_changed(result: SyncResult, facts: Mapping[str, Any]) -> bool:
    """Say so when a sync found everything as it was; False, and nothing said, when it did not."""
    if result.objects_written or result.partitions_replaced or result.problems or not facts["resources"]:
        return False
    objects = sum(resource["athlete_days_unchanged"] for resource in facts["resources"])
    partitions = facts["partitions_unchanged"]
    typer.echo(f"Nothing changed: {objects:,} landing objects and {partitions:,} partitions are as they were.")
    return True


def print_checks(facts: Mapping[str, Any]) -> None:
    """How many checks passed, and every failed one with what to do about it."""
    checks = facts["checks"]
    blocking = sum(check["blocking"] for check in checks["failed"])
    passed = checks["run"] - len(checks["failed"])
    typer.echo(f"checks: {passed} passed, {blocking} failed, {len(checks['failed']) - blocking} warned")
    for check in checks["failed"][:_SHOWN]:
        kind = "failed" if check["blocking"] else "warned"
        typer.echo(f"  {kind}: {check['asset']} {check['check']}{'  ' if check['advice'] else ''}{check['advice']}")
    if len(checks["failed"]) > _SHOWN:
        typer.echo(f"  and {len(checks['failed']) - _SHOWN} more; `fit-platform dev` shows them all")


def published_words(result: SyncResult) -> str:
    """Whether the marts were published, and if not, why."""
    if result.published:
        return "built, checked and published" if result.built else "published as they were, nothing to build"
    blocking = [check for check in failed_checks(result.checks) if check.is_error]
    if blocking:
        names = ", ".join(f"{check.asset} {check.name}" for check in blocking[:_SHOWN])
        return f"not published, because of failed checks ({names}); readers keep the last good set"
    return "not published, because a step before them failed; readers keep the last good set"


def print_json(value: object) -> None:
    """JSON for scripts."""
    typer.echo(json.dumps(value, indent=2, default=str))


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns wide enough for what they hold; numbers to the right. The last column may be as long as it likes."""
    texts = [[_cell(value) for value in row] for row in rows]
    widths = [
        max(len(header[n]), *(len(row[n]) for row in texts)) if texts else len(header[n]) for n in range(len(header))
    ]
    numeric = [bool(texts) and all(row[n] == "" or row[n][0].isdigit() for row in texts) for n in range(len(header))]
    for line in [list(header), *texts]:
        cells = [
            text.rjust(w) if right else text.ljust(w) for text, w, right in zip(line, widths, numeric, strict=True)
        ]
        typer.echo("  " + "  ".join(cells).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _line(resource: Mapping[str, Any]) -> list[object]:
    notes = [f"{failure['athlete_id']}: {failure['verdict']}" for failure in resource["failures"]]
    if resource["athlete_days_unavailable"]:
        notes.append(f"{resource['athlete_days_unavailable']} days that the provider cannot be asked about")
    if resource["rejected"]:
        notes.append(f"{resource['rejected']} answers rejected")
    return [
        f"{resource['provider']} {resource['resource']}",
        resource["athlete_days_asked"],
        resource["athlete_days_written"],
        resource["athlete_days_unchanged"],
        resource["objects"],
        resource["rows_loaded"],
        resource["partitions_replaced"],
        resource["quarantined"],
        "; ".join(dict.fromkeys(notes)),
    ]
