"""Database URLs in the spellings of hosting services, and the texts of their errors."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.main.process.start import log_ignored_parameters
from app.settings import WrongSettings, load_settings
from app.settings.database_url import WrongDatabaseUrl, read_database_url
from app.settings.database_url_parameters import ALIASES, IGNORED, REJECTED

SECRET = "hush-hush"
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop:pw@db.example:5433/relay",
        "postgres://shop:pw@db.example:5433/relay",
        "postgresql+asyncpg://shop:pw@db.example:5433/relay",
        "postgresql+psycopg2://shop:pw@db.example:5433/relay",
        "  postgresql://shop:pw@db.example:5433/relay\n",
        '"postgresql://shop:pw@db.example:5433/relay"',
        "postgresql://db.example:5433/relay?user=shop&password=pw",
        "postgresql://shop:pw@/relay?host=db.example&port=5433",
        "postgresql://shop:pw@/?host=db.example:5433&dbname=relay",
        "postgresql://shop:pw@db.example/relay?port=5433",
    ],
)
def test_one_database_in_many_spellings(url: str) -> None:
    read = read_database_url(url)
    assert ((("db.example", 5433),), "shop", "pw", "relay") == (
        read.hosts,
        read.user,
        read.password,
        read.database,
    )


@pytest.mark.parametrize(
    ("spelling", "password"),
    [
        ("p%40ss%2Fw%23rd", "p@ss/w#rd"),
        ("p@ss", "p@ss"),
        ("100%", "100%"),
        ("%E3%81%82", "あ"),
        ("a:b", "a:b"),
        ("a+b", "a+b"),
        ("", None),
    ],
)
def test_passwords(spelling: str, password: str | None) -> None:
    assert password == read_database_url(f"postgresql://shop:{spelling}@db.example/relay").password


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://u@db-1:1,db-2,[::1]:3/d", (("db-1", 1), ("db-2", None), ("::1", 3))),
        ("postgresql://u@/d?host=db-1,db-2&port=1,2", (("db-1", 1), ("db-2", 2))),
        ("postgresql://u@/d?host=db-1,db-2&port=7", (("db-1", 7), ("db-2", 7))),
        ("postgresql://u@/d?host=/var/run/postgresql", (("/var/run/postgresql", None),)),
        ("postgresql://u@%2Fvar%2Frun%2Fpostgresql:5433/d", (("/var/run/postgresql", 5433),)),
        (
            "postgresql://u@/d?host=/cloudsql/shop:asia-northeast1:db",
            (("/cloudsql/shop:asia-northeast1:db", None),),
        ),
        ("postgresql://u@/d?host=::1", (("::1", None),)),
        ("postgresql:///d", ()),
    ],
)
def test_hosts_ports_and_sockets(url: str, hosts: tuple[tuple[str, int | None], ...]) -> None:
    assert hosts == read_database_url(url).hosts


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("connect_timeout=10", "connect_timeout", 10.0),
        ("connectTimeout=7", "connect_timeout", 7.0),
        ("connect_timeout=0", "connect_timeout", None),
        ("target_session_attrs=read-write", "target", "read-write"),
        ("targetServerType=primary", "target", "primary"),
        ("application_name=shop", "application", "shop"),
        ("pgbouncer=true", "pooled", True),
        ("pgbouncer=false", "pooled", False),
        ("pool_mode=transaction", "pooled", True),
        ("sslmode=disable", "driver", (("sslmode", "disable"),)),
        ("sslmode=no-verify", "driver", (("sslmode", "require"),)),
        ("sslmode=REQUIRE", "driver", (("sslmode", "require"),)),
        ("ssl=true", "driver", (("sslmode", "require"),)),
        ("ssl=false", "driver", (("sslmode", "disable"),)),
        ("sslaccept=strict", "driver", (("sslmode", "verify-full"),)),
        ("sslrootcert=system", "driver", (("sslmode", "verify-full"), ("sslrootcert", "system"))),
        ("schema=shop", "server_settings", (("search_path", "shop"),)),
        ("currentSchema=shop", "server_settings", (("search_path", "shop"),)),
        ("options=endpoint%3Dep-1", "server_settings", (("options", "endpoint=ep-1"),)),
        ("gssencmode=disable", "ignored", ("gssencmode",)),
        ("sslmode=verify-full&channel_binding=require", "ignored", ("channel_binding",)),
        (
            "keepalives=1&TimeZone=Asia%2FTokyo&prepareThreshold=0",
            "ignored",
            ("TimeZone", "keepalives", "prepareThreshold"),
        ),
    ],
)
def test_parameters_with_and_without_a_meaning(query: str, field: str, value: object) -> None:
    assert value == getattr(read_database_url(f"postgresql://u@db/d?{query}"), field)


@pytest.mark.parametrize("name", sorted(IGNORED))
def test_every_parameter_without_a_meaning_is_ignored(name: str) -> None:
    assert (name,) == read_database_url(f"postgresql://u@db/d?{name}=1").ignored


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mysql://shop:hush-hush@db/d", "must be a postgresql:// URL"),
        ("jdbc:postgresql://db/d?password=hush-hush", "must be a postgresql:// URL"),
        ("host=db dbname=d password=hush-hush", "must be a postgresql:// URL"),
        ("postgresql://shop:hush-hush#x@db/d", "holds a #"),
        ("postgresql://shop:hush-hush/x@db/d", "%2F"),
        ("postgresql://shop:12/hush-hush@db/d", "%2F"),
        ("postgresql://shop:1?hush-hush@db/d", "%3F"),
        ("postgresql://shop:1?hush=hush-hush@db/d", "%3F"),
        ("postgresql://shop:[hush-hush@db/d", "%2F"),
        ("postgresql://shop:hush-hush@db:port/d", "a port is not a number from 1 to 65535"),
        ("postgresql://shop:hush-hush@db:70000/d", "a port is not a number from 1 to 65535"),
        ("postgresql://shop:hush-hush@db:٣/d", "a port is not a number from 1 to 65535"),
        ("postgresql://shop:hush-hush@d b/d", "a host cannot be read"),
        ("postgresql://shop:hush-hush%FF@db/d", "is not UTF-8"),
        ("postgresql://shop:hush-hush%00@db/d", "control character"),
        (
            "postgresql://shop:hush-hush@db/d?host=other",
            "names a host in front of the / and another",
        ),
        ("postgresql://shop:hush-hush@a,b/d?port=1,2,3", "one port, or one for each host"),
        (
            "postgresql://shop:hush-hush@db/d?sslmode=always",
            "sslmode must be one of disable, allow, prefer, require",
        ),
        ("postgresql://shop:hush-hush@db/d?ssl=perhaps", "sslmode must be one of"),
        (
            "postgresql://shop:hush-hush@db/d?sslmode=require&sslrootcert=/nonexistent",
            "sslrootcert names '/nonexistent', which is no file",
        ),
        ("postgresql://shop:hush-hush@db/d?sslnegotiation=direct", "needs sslmode=require"),
        (
            "postgresql://shop:hush-hush@db/d?ssl_min_protocol_version=SSLv3",
            "must be one of TLSv1.2, TLSv1.3",
        ),
        (
            "postgresql://shop:hush-hush@db/d?target_session_attrs=standby",
            "must be one of any, read-write, primary",
        ),
        ("postgresql://shop:hush-hush@db/d?connect_timeout=soon", "a number of seconds"),
        ("postgresql://shop:hush-hush@db/d?gssencmode=require", "write sslmode=verify-full"),
        (
            "postgresql://shop:hush-hush@db/d?sslmode=require&channel_binding=require",
            "write sslmode=verify-full",
        ),
        ("postgresql://shop:hush-hush@db/d?conect_timeout=1", "did you mean connect_timeout?"),
        ("postgresql://shop:hush-hush@db/d?hush-hush=1", "there is no parameter of that spelling"),
        *(
            (f"postgresql://shop:hush-hush@db/d?{name}=1", f"{name} cannot be used: ")
            for name in REJECTED
        ),
    ],
)
def test_an_impossible_requirement_is_rejected_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, url: str, complaint: str
) -> None:
    with pytest.raises(WrongDatabaseUrl) as refused:
        read_database_url(url)
    assert complaint in str(refused.value)
    monkeypatch.setenv("RELAY_DATABASE_URL", url)
    with pytest.raises(WrongSettings) as told:
        load_settings()
    assert str(told.value).startswith("RELAY_DATABASE_URL: ")
    assert SECRET not in f"{refused.value!r} {told.value!r}"


def test_a_password_is_never_shown_with_the_value() -> None:
    assert SECRET not in repr(
        read_database_url(f"postgresql://shop:{SECRET}@db/d?sslpassword={SECRET}")
    )


def test_ignored_parameters_are_logged() -> None:
    with capture_logs() as lines:
        log_ignored_parameters(
            f"postgresql://shop:{SECRET}@db/d?keepalives=1&connection_limit=5&application_name=x"
        )
        log_ignored_parameters(f"postgresql://shop:{SECRET}@db/d")
    line = {
        "stage": "main",
        "event": "database_url_ignored",
        "log_level": "info",
        "parameters": ["connection_limit", "keepalives"],
    }
    assert [line] == lines


@pytest.mark.parametrize("page", ["database-url.md", "database-url.ja.md"])
def test_the_page_names_every_parameter(page: str) -> None:
    text = (ROOT / "docs" / "reference" / page).read_text().lower()
    assert [] == [name for name in (*IGNORED, *REJECTED, *ALIASES) if f"`{name}" not in text]
