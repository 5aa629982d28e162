"""Tables of layers and packages for the architecture pages, read from import-linter's contract."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.docs.tables import head, row

ROOT = Path(__file__).parents[2]
JAPANESE: Mapping[str, str] = {
    "main": "構成の起点。ロールを組み立てて起動する",
    "receiver": "公開側の待ち受け。ゼウスのコールを受けて応答する",
    "api": "オペレーター用のHTTP API",
    "console": "オペレーター用の画面（日本語と英語）",
    "worker": "通知の判定、配信、定期作業のループ",
    "cli": "コマンド",
    "simulator": "ゼウスの代役。`app.zeus` だけに依存する",
    "operations": "オペレーターの閲覧と操作。API、画面、コマンドが共有する",
    "applications": "ゼウスへの申込。テーブル、HTTPクライアント、回答の扱い",
    "mailbox": "2つ目の情報源であるゼウスのメール。読み取り、認証、照合",
    "reconciliation": "ゼウスの管理画面から出力したCSVと、自社のオーダーとの照合",
    "recording": "コールの記録。Postgres、だめならスプール、それもだめなら保留",
    "judging": "通知の判定。通知とオーダーからイベントを作る",
    "forwarding": "Webhookの配信。取得、送信、結果の記録",
    "db": "テーブル、接続、マイグレーション、LISTEN/NOTIFY",
    "order_life": "オーダーの一生。事実、沈黙、判断から続くもの。純粋なコード",
    "zeus": "ゼウスのプロトコル。純粋なコード",
    "events": "配信するイベントの形と署名。純粋なコード",
    "network": "接続の安全。許可する送信元、接続先のアドレス、名前解決",
    "crypto": "保存するシークレットの暗号化",
    "settings": "環境変数による設定",
    "logs": "構造化ログ",
    "metrics": "Prometheusのメトリクス",
    "clock": "時刻とUUIDv7",
    "tracing": "OpenTelemetryのトレース（任意）",
    "probes": "稼働と準備の確認への応答",
    "scrapes": "メトリクスの取得への応答",
    "downloads": "作りながら送るファイル",
    "log_writer": "ログを書くキューとスレッド",
    "terminal": "コマンドの出力",
    "configured_files": "設定で指定したファイルの読み取り",
    "absent_modules": "ほかのモジュールを読み込む間だけ、存在しないことにするモジュール",
}
"""Japanese purpose of each package under app/; the English one is its docstring."""


def layers() -> list[list[str]]:
    """Return the packages of each layer, the highest first, from the contract in pyproject.toml."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layered = next(c for c in contracts["contracts"] if c["type"] == "layers")
    return [re.findall(r"\w+", layer) for layer in layered["layers"]]


def purpose(package: str) -> str:
    """Return the first sentence of a package's or module's docstring."""
    folder = ROOT / "app" / package
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    return re.split(r"(?<=[.])\s", text, maxsplit=1)[0].rstrip(".")


def layer_table() -> str:
    """Return every package with its purpose, the highest layer first."""
    return head("layer", "package", "purpose") + "".join(
        row(number, f"`app/{package}`", purpose(package)) for number, package in _numbered()
    )


def layer_table_in_japanese() -> str:
    """Return the table of packages in Japanese."""
    return head("層", "パッケージ", "役割") + "".join(
        row(number, f"`app/{package}`", JAPANESE[package]) for number, package in _numbered()
    )


def _numbered() -> Iterator[tuple[int, str]]:
    """Yield each package with the number of its layer, 1 being the lowest."""
    found = layers()
    for below, packages in enumerate(found):
        for package in packages:
            yield len(found) - below, package
