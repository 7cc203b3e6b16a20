"""What may be set from outside, read once from the environment (`COUNTERSIGN_…`) or given by the command line."""

import base64
import os
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.order.block import read_required
from domain.refusal import Refusal
from starter.mail_settings import check_mail_settings

SHORTEST_KEY = 32


def _plain_database_url() -> SecretStr | None:
    # The name that platforms use; our own COUNTERSIGN_DATABASE comes before it.
    url = os.environ.get("DATABASE_URL")
    return SecretStr(url) if url else None


class Settings(BaseSettings):
    """All settings of one process. Frozen: a process is set up once, and tests give their own."""

    model_config = SettingsConfigDict(
        env_prefix="COUNTERSIGN_", env_ignore_empty=True, extra="forbid", frozen=True, validate_default=True
    )

    state_dir: Path = Path(".countersign")
    """Everything the embedded stack keeps, and the defaults of the folders below."""

    temporal: str | None = None
    """Address of a Temporal server, host:port. None: the embedded one."""
    temporal_namespace: str = "default"
    temporal_api_key: SecretStr | None = None
    temporal_tls: bool = False

    database: SecretStr | None = Field(default_factory=_plain_database_url)
    """URL of a PostgreSQL database; `DATABASE_URL` is honoured too. None: the embedded one."""

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    task_queue: str = "countersign"
    renewal_lead: timedelta | None = Field(default=None, gt=timedelta())
    """How long before a contract ends its renewal is prepared (`P90D`); none: only when somebody asks for it."""
    cut_off: timedelta | None = Field(default=None, ge=timedelta())
    """How long before 00:00 of its date an order stands fast (`P2D`, `PT36H`); none: until it is activated."""
    activation_requires: Annotated[tuple[str, ...], NoDecode] = ()
    """Data without which an order that comes due is blocked: `bill_to`, `ship_to`, `fields.NAME`, `terms.NAME`."""
    service_levels: Path | None = None
    """A YAML file with the targets of service levels and their calendar; none: no clocks run."""
    deployment: str | None = None
    """Name of the worker deployment; with `build_id` it turns on Worker Versioning."""
    build_id: str | None = None
    policy: str = "standard"
    """Name of the policy that a submitted quote is measured by."""
    change_policy: str | None = None
    """Name of the policy that says which changes of orders must be approved first; none: all are made at once."""
    stories: bool = False
    """Whether workers let runs be told what time it is: for stories and the demo, never for real quotes."""

    key: SecretStr | None = None
    """Signs bearer tokens. None: made once and kept in the state folder."""
    record_key: SecretStr | None = None
    """Signs the head of the record: an Ed25519 private key as a JWK. None: made once, kept in the state folder."""

    url: str | None = None
    """Where people reach this installation (https://…), for letters."""
    mail_sender: str = "countersign <countersign@localhost>"
    """From whom letters are: an address, or a name and an address."""
    mail_locale: str = "en_GB"
    """How dates and amounts are written to somebody whose entry in the directory says nothing of it."""
    mail_templates: Path | None = None
    """A folder with templates of letters that come before ours."""
    smtp_host: str | None = None
    """The server to which letters are handed. None: they are files in the outbox folder."""
    smtp_port: int | None = Field(default=None, ge=1, le=65535)
    """None: 465 with TLS, 587 with STARTTLS, else 25."""
    smtp_security: Literal["tls", "starttls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    smtp_timeout: float = Field(default=30.0, gt=0, le=600)
    """Seconds, for one letter as a whole."""
    keep_outbox: bool = False
    """Whether letters are files in the outbox folder too where there is a server for them."""

    outbox_dir: Path = Field(default_factory=lambda data: data["state_dir"] / "mail")
    erp_outbox_dir: Path = Field(default_factory=lambda data: data["state_dir"] / "erp" / "orders")
    erp_inbox_dir: Path = Field(default_factory=lambda data: data["state_dir"] / "erp" / "acknowledgements")

    heads_dir: Path = Field(default_factory=lambda data: data["state_dir"] / "heads")
    """Where signed heads of the record are kept: best on another machine, or where nobody can take anything back."""

    @field_validator("database")
    @classmethod
    def _speak_asyncpg(cls, url: SecretStr | None) -> SecretStr | None:
        return None if url is None else SecretStr(asyncpg_url(url.get_secret_value()))

    @field_validator("activation_requires", mode="before")
    @classmethod
    def _listed(cls, names: str | Sequence[str]) -> tuple[str, ...]:
        try:
            return read_required(names.split(",") if isinstance(names, str) else names)
        except Refusal as refusal:
            raise ValueError(str(refusal)) from None

    @field_validator("key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"must have at least {SHORTEST_KEY} characters; leave it unset to have one made")
        return key

    @model_validator(mode="after")
    def _key_needs_server(self) -> Self:
        if self.temporal is None and self.temporal_api_key is not None:
            raise ValueError("temporal_api_key is set but temporal is not: the embedded server takes no key")
        return self

    @model_validator(mode="after")
    def _mail_fits(self) -> Self:
        check_mail_settings(self)
        return self

    def with_(self, **changes: Any) -> "Settings":
        """These settings with some replaced; what the command line does with its options."""
        return Settings(**{**self.model_dump(exclude_unset=True), **changes})

    def signing_key(self) -> bytes:
        """The key that signs and checks tokens; made at the first call when none is set."""
        if self.key is not None:
            return self.key.get_secret_value().encode()
        path = self.state_dir / "key"
        if not path.exists():
            keep_secret(path, base64.b64encode(secrets.token_bytes(32)))
        return path.read_bytes().strip()


def asyncpg_url(url: str) -> str:
    """A PostgreSQL address as the platforms write it, as SQLAlchemy with asyncpg reads it."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql", "postgresql+asyncpg"):
        # The address itself may hold a password and is not repeated.
        raise ValueError(f"must be a PostgreSQL address (postgresql://…), not {parts.scheme or 'one without scheme'}")
    query = [("ssl" if name == "sslmode" else name, value) for name, value in parse_qsl(parts.query)]
    rest = urlunsplit(("", parts.netloc, parts.path, urlencode(query, safe="/"), ""))
    # urlunsplit leaves the slashes out when there is no host, as in ///name?host=/a/socket/folder.
    return "postgresql+asyncpg:" + (rest if rest.startswith("//") else "//" + rest)


def keep_secret(path: Path, content: bytes) -> None:
    """Keep ``content`` for the owner alone, unless something is kept there already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content + b"\n")
        # A link appears whole or not at all, and never replaces: whoever comes second takes the first one's key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
