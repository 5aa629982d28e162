"""The generated tables in Japanese, and the Japanese texts of the settings, which the code has in English only."""

import re
from collections.abc import Mapping

from app.events.types import EventType
from app.judging.event_data import STATE_OF
from app.judging.rules import EVENT_OF
from app.main.reference import env_example
from app.settings import Settings, variable_of
from app.zeus.error_codes import ERROR_CODES
from app.zeus.statuses import FACTS, Status, Step, step
from app.zeus.stores import STORES
from docs.tables import head, row

_MARKS = {True: "○", False: "—"}
STEPS: Mapping[Step, str] = {
    Step.NEXT: "通常",
    Step.GAP: "抜け",
    Step.LATE: "遅着",
    Step.PAID_AGAIN: "再入金",
    Step.CONTRADICTION: "矛盾",
    Step.CONTRADICTION_WITH_MONEY: "矛盾（入金）",
    Step.REPEATED: "重複",
}
ACTORS: Mapping[str, str] = {
    "the merchant's developer": "加盟店の開発者",
    "the merchant, with Zeus": "加盟店（ゼウスに相談）",
    "the customer picks another store; the merchant, with Zeus": "お客様（別のコンビニを選ぶ）、加盟店（ゼウスに相談）",
    "the customer enters the data again": "お客様（入力し直す）",
    "Zeus support": "ゼウスのサポート",
    "the customer picks another store": "お客様（別のコンビニを選ぶ）",
    "the customer tries later; Zeus support": "お客様（時間をおいてやり直す）、ゼウスのサポート",
}
"""Who can act on an error code, by the English text."""
_OTHERS = {EventType.REVIEW_REQUIRED: "そのときの状態", EventType.WEBHOOK_TEST: "なし（オーダーに関するものではない）"}

SETTINGS: Mapping[str, str] = {
    "database_url": "使用するPostgres。フェイルオーバーに備えて複数のホストを書ける。未設定なら、`RELAY_DATA_DIR` で内蔵のPostgresを動かす",
    "data_dir": "内蔵のPostgresと、自動で作る鍵やトークンを置く場所",
    "allowed_sources": "通知用URLを呼び出せる送信元（CIDR）。ゼウスの送信元は、加盟店ごとに非公開の情報として知らされる",
    "allowed_sources_file": "送信元を追加で書いたファイル。1行に1つ、`#` 以降はコメント。SIGHUPで読み直す",
    "source_mode": "`enforce` は許可していない送信元に403を返す。`observe` は記録もし、その旨を報告する",
    "trusted_proxies": "`X-Forwarded-For` を信用するリバースプロキシ（CIDR）",
    "stop_delay": "SIGTERMを受けてから受付を続ける時間（最長10秒）。この間、`/readyz` はすでに503を返す。"
    "停止に気づくのが遅いロードバランサー向け",
    "notify_path": "通知用URLのパス",
    "notify_token": "設定すると、通知用URLは `RELAY_NOTIFY_PATH/<トークン>` だけになる",
    "answer_budget": "コールを記録して応答するまでの制限時間。60 %をPostgresに、残りをスプールに使う",
    "spool_dir": "Postgresが使えない間のコールを置く場所。プロセスが終わっても残るローカルディスクにする。"
    "未設定なら `RELAY_DATA_DIR/spool`",
    "spool_limit": "スプールの上限サイズ。1 GiBで100万件以上のコールが入る",
    "when_unstorable": "Postgresにもスプールにも記録できないときの動作。`hold` はゼウスの40秒を過ぎるまで応答を保留する"
    "（タイムアウトであればゼウスが再送することがある）。`error` は503を返す（再送はない）。保留中に記録できれば、その時点で200を返す",
    "hold_limit": "同時に保留するコールの数。超えた分には503を返す",
    "ip_codes": "自社のIPコード（10桁の数字）。それ以外のコールは保留にする。未設定なら、すべて受け入れる",
    "public_host": "公開側の待ち受けアドレス",
    "public_port": "公開側のポート。通知用URLとヘルスチェックだけを提供する",
    "operator_host": "運用者側の待ち受けアドレス",
    "operator_port": "運用者側のポート。API、コンソール、メトリクス、ヘルスチェック",
    "metrics_port": "設定すると、`receive` と `work` も `RELAY_OPERATOR_HOST` のこのポートで `/metrics` とヘルスチェックを提供する。"
    "`operate` と `up` は、設定によらず `RELAY_OPERATOR_PORT` で提供する",
    "admin_token": "APIのBearerトークン（20文字以上）。内蔵のPostgresを使う場合は、未設定なら一度だけ作り `RELAY_DATA_DIR` に置く",
    "secret_keys": "署名用シークレットを暗号化するFernet鍵。先頭の鍵で暗号化し、すべての鍵で復号する。"
    "内蔵のPostgresを使う場合は、未設定なら一度だけ作り `RELAY_DATA_DIR` に置く",
    "subscriber_networks": "Webhookの送信を許す内部ネットワーク（CIDR）。インターネット上のアドレスへは常に送れる",
    "allow_http_subscribers": "送信先として `https://` のほかに `http://` も認める",
    "subscriber_ca_file": "送信先の証明書について、システムの認証局に加えて信頼する私設認証局のPEMファイル",
    "subscriber_proxy": "すべてのWebhookが通るフォワードプロキシ（`http://ホスト:ポート`、必要なら `user:password@` を付ける）。"
    "名前ではなく、こちらで名前解決して検査したアドレスへの接続を依頼する",
    "retry_schedule": "各回の送信までの待ち時間（直前の送信から数える）。最後まで失敗したWebhookは断念（dead）になる",
    "order_hold": "配信できないイベントが、同じ受信先への同じオーダーの後続イベントを待たせる時間（最初の送信からの時間）",
    "pause_after": "一度も成功しないまま失敗が続いたとき、受信先を一時停止にするまでの時間。一時停止中も、送るべきものは保持される",
    "resume_rate": "再開した受信先に、たまっていた分を1秒間に何件まで送るか",
    "worker_concurrency": "1つのワーカーが同時に送るWebhookの数",
    "worker_lease": "ワーカーが沈黙してから、送信中だったWebhookをほかのワーカーが引き継ぐまでの時間",
    "subscribers": "受信先の宣言（JSON）。起動のたびに、名前をキーにして反映する",
    "personal_data_days": "個人情報（コールの原文、氏名、電話番号、メールアドレス）を消去するまでの日数。0なら消去しない",
    "history_days": "完了したWebhookと送信の記録を削除するまでの日数。0なら削除しない",
    "public_url": "ゼウスから見た通知用URL（`RELAY_NOTIFY_TOKEN` は含めない）。証明書の期限を監視し、`zeus-relay doctor` が外から確かめる",
    "alert_url": "Slack形式でアラートを送るURL。Prometheusのない環境向け（`https://` または `http://`）",
    "otlp_endpoint": "OTLP（HTTP）を受け取るOpenTelemetryコレクターのURL。"
    "コールからWebhookまでを1つのトレースとし、Webhookに `traceparent` ヘッダーを付ける。"
    "追加パッケージ `otel` が必要",
    "log_level": "ログの詳しさ",
    "log_format": "`json` は1行に1つのJSON、`text` は文字列。`auto` は、端末なら文字列、それ以外ならJSON",
}


def statuses() -> str:
    """Every status of Zeus with the event it makes, shorter than in English."""
    names = head("ステータス", "名称", "イベント", "`payable`（支払対象）", "`final`（売上確定）")
    return names + "".join(
        row(f"`{status}`", facts.japanese, f"`{EVENT_OF[status]}`", _MARKS[facts.payable], _MARKS[facts.final])
        for status, facts in FACTS.items()
    )


def statuses_in_full() -> str:
    """Every status of Zeus with the event it makes and the state of the order after it."""
    rows = [
        row(
            f"`{status}`",
            facts.japanese,
            f"`{EVENT_OF[status]}`",
            f"`{STATE_OF[status]}`",
            _MARKS[facts.payable],
            _MARKS[facts.final],
            "申し込んだ場合のみ" if facts.only_if_ordered else "常に",
        )
        for status, facts in FACTS.items()
    ]
    others = [row("—", "—", f"`{event}`", state, "—", "—", "—") for event, state in _OTHERS.items()]
    return head("ステータス", "名称", "イベントの種類", "`order.state`", "`payable`", "`final`", "コール") + "".join(rows + others)


def steps() -> str:
    """What a status means when it arrives after another."""
    rows = [row("（なし）" if now is None else f"`{now}`", *(STEPS[step(now, arriving)] for arriving in Status)) for now in (None, *Status)]
    return head("現在 \\ 到着", *(f"`{status}`" for status in Status)) + "".join(rows)


def stores() -> str:
    """The store chains that have names."""
    rows = [
        row(f"`{store.code}`", store.name, store.pay_no1_label, store.pay_no2_label or "—")
        for store in sorted(STORES.values(), key=lambda store: store.code)
    ]
    return head("コード", "コンビニ", "`pay_no1` の名称", "`pay_no2` の名称") + "".join(rows)


def error_codes() -> str:
    """The error codes of a failed application."""
    rows = [row(f"`{error.code}`", error.japanese, ACTORS.get(error.who, error.who)) for error in ERROR_CODES.values()]
    return head("コード", "内容", "対処できる人") + "".join(rows)


def settings() -> str:
    """Every setting with its default, or an example where it has none."""
    text = env_example()
    return head("変数", "既定値", "意味") + "".join(_setting(field, text) for field in Settings.model_fields)


def _setting(field: str, text: str) -> str:
    variable = variable_of(field)
    default = re.search(rf"^#{variable}=(.*)$", text, re.MULTILINE)
    example = re.search(rf"^# e\.g\. {variable}=(.*)$", text, re.MULTILINE)
    value = f"`{default[1]}`" if default and default[1] else "なし"
    shown = f"。例：`{example[1]}`" if example and value == "なし" else ""
    return row(f"`{variable}`", value, SETTINGS.get(field, Settings.model_fields[field].description or "") + shown)
