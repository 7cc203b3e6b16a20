"""Settings: where they come from, what is refused, and the key that is made once."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from starter.embedded import Stack
from starter.settings import Settings, asyncpg_url
from starter.worker_process import worker_environment


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "COUNTERSIGN_DATABASE", "COUNTERSIGN_STATE_DIR", "COUNTERSIGN_TEMPORAL"):
        monkeypatch.delenv(name, raising=False)


def secret(value: SecretStr | None) -> str:
    assert value is not None
    return value.get_secret_value()


def test_without_anything_all_is_embedded_and_under_the_state_folder() -> None:
    settings = Settings()
    assert settings.temporal is None
    assert settings.database is None
    assert settings.outbox_dir == Path(".countersign/mail")
    assert settings.http_host == "127.0.0.1"


def test_folders_follow_the_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_STATE_DIR", "/somewhere")
    assert Settings().erp_inbox_dir == Path("/somewhere/erp/acknowledgements")
    assert Settings(erp_inbox_dir=Path("/else")).erp_inbox_dir == Path("/else")


def test_our_own_name_for_the_database_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://platform/db")
    assert secret(Settings().database) == "postgresql+asyncpg://platform/db"
    monkeypatch.setenv("COUNTERSIGN_DATABASE", "postgresql://ours/db")
    assert secret(Settings().database) == "postgresql+asyncpg://ours/db"
    assert Settings(database=None).database is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("postgres://u:p@h:5/db", "postgresql+asyncpg://u:p@h:5/db"),
        ("postgresql://u@h/db?sslmode=require", "postgresql+asyncpg://u@h/db?ssl=require"),
        ("postgresql:///db?host=/a/socket/folder", "postgresql+asyncpg:///db?host=/a/socket/folder"),
        ("postgresql+asyncpg://u@/db?host=/s", "postgresql+asyncpg://u@/db?host=/s"),
    ],
)
def test_a_database_address_is_read_as_platforms_write_it(written: str, read: str) -> None:
    assert asyncpg_url(written) == read


def test_another_database_is_refused_without_showing_its_password() -> None:
    with pytest.raises(ValidationError, match="must be a PostgreSQL address") as refused:
        Settings(database=SecretStr("mysql://root:hunter2@h/db"))
    assert "hunter2" not in str(refused.value)


def test_secrets_do_not_show() -> None:
    settings = Settings(key=SecretStr("k" * 40), database=SecretStr("postgresql://u:hunter2@h/db"))
    assert "hunter2" not in repr(settings)
    assert "kkkk" not in repr(settings)


def test_unknown_names_short_keys_and_changes_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Settings(http_prot=1)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="at least 32"):
        Settings(key=SecretStr("short"))
    with pytest.raises(ValidationError, match="temporal is not"):
        Settings(temporal_api_key=SecretStr("k"))
    with pytest.raises(ValidationError, match="frozen"):
        Settings().http_port = 1  # type: ignore[misc]


def test_some_settings_are_replaced_and_the_others_kept() -> None:
    settings = Settings(key=SecretStr("k" * 40), policy="hospital").with_(http_port=9)
    assert (settings.policy, settings.http_port, secret(settings.key)) == ("hospital", 9, "k" * 40)


def test_durations_and_lists_are_read_from_the_environment_and_reach_the_worker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COUNTERSIGN_RENEWAL_LEAD", "P90D")
    monkeypatch.setenv("COUNTERSIGN_CUT_OFF", "PT36H")
    monkeypatch.setenv("COUNTERSIGN_ACTIVATION_REQUIRES", "bill_to, fields.po_number")
    settings = Settings()
    assert (settings.renewal_lead, settings.cut_off) == (timedelta(days=90), timedelta(hours=36))
    assert settings.activation_requires == ("bill_to", "fields.po_number")
    given = settings.with_(cut_off=timedelta(days=2), renewal_lead=None)
    stack = Stack("a:1", "default", None, "postgresql://h/d", tmp_path, False, False)
    for name, value in worker_environment(given, stack).items():
        monkeypatch.setenv(name, value)
    worker = Settings()
    assert (worker.renewal_lead, worker.cut_off) == (None, timedelta(days=2))
    assert worker.activation_requires == settings.activation_requires


@pytest.mark.parametrize(
    "changes", [{"renewal_lead": "P0D"}, {"cut_off": "-P1D"}, {"activation_requires": "po_number"}], ids=str
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(**changes)  # type: ignore[arg-type]


def test_the_key_is_made_once_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path / "state")
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: settings.signing_key(), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) == 44
    assert stat.S_IMODE((tmp_path / "state" / "key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["key"]


def test_a_given_key_is_used_and_none_is_made(tmp_path: Path) -> None:
    assert Settings(state_dir=tmp_path, key=SecretStr("k" * 40)).signing_key() == b"k" * 40
    assert list(tmp_path.iterdir()) == []


def test_settings_load_without_temporal_or_sqlalchemy() -> None:
    code = "import sys, starter.embedded; print({'temporalio', 'sqlalchemy', 'asyncpg'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
