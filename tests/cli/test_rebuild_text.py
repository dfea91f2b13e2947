"""What `anchor rebuild` tells a person."""

from __future__ import annotations

import pytest

from anchor.cli.rebuild import print_report
from anchor.rebuild import ListKeyState, RebuildReport, RebuiltIssuer
from anchor.rebuild.report import NOT_PUBLISHED


def test_report_names_what_is_missing_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts, each issuer whose key is lost, what no file publishes, each loss, and that there is no database."""
    report = RebuildReport(now_s=0, anchored=2, rebuilt=1, leaves=5, has_pending=True)
    report.issuers.append(
        RebuiltIssuer(3, "did:web:x.example", "did:web:x.example#k", ListKeyState.LOST, 2, None)
    )
    report.lose(2, "batch_missing", "batch 2: the mirror has no batches/2.json")

    print_report(report)

    told = capsys.readouterr().out
    assert "1 of 2 anchored batches rebuilt" in told
    assert "rotate-list-key 3" in told
    assert "every rebuilt list counts as full" in told
    assert "pending transaction" in told
    assert "✗ batch 2: the mirror has no batches/2.json (batch_missing)" in told
    assert "NO DATABASE was made" in told


def test_report_with_a_backup_is_short_about_the_rest_and_says_what_to_repeat(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What came after the backup is the exception; that a key which was replaced is good again is not."""
    print_report(RebuildReport(now_s=0, anchored=1, rebuilt=1, has_base=True, database="data/anchor.db"))

    told = capsys.readouterr().out
    assert "digests: only leaf hashes are published" in told
    assert "signed transactions" not in told
    assert f"and {len(NOT_PUBLISHED) - 3} more (--json shows all)" in told
    assert "`anchor issuer rotate-key` again" in told


def test_report_of_whole_rebuild_says_what_comes_next(capsys: pytest.CaptureFixture[str]) -> None:
    """A database, and the check that comes before the start."""
    print_report(RebuildReport(now_s=0, anchored=1, rebuilt=1, database="data/anchor.db"))

    assert "made data/anchor.db; next: `anchor fsck`" in capsys.readouterr().out
