"""Where messages go: Slack, a webhook, e-mail, as the settings say. An address is a secret: no error repeats it."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import requests

from fit_platform.alerts.incidents import Message
from fit_platform.errors import FitError
from fit_platform.settings import Settings

_TIMEOUT_S = 10.0
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Channel = Callable[[Message], None]
"""Delivers a message, or raises NotDelivered."""


class NotDelivered(FitError):
    """A channel did not take a message; it is tried again with the next look."""


def channels(settings: Settings) -> dict[str, Channel]:
    """The channels that are configured, by name."""
    found: dict[str, Channel] = {}
    if settings.alert_slack_url is not None:
        found["slack"] = _slack(settings.alert_slack_url.get_secret_value())
    if settings.alert_webhook_url is not None:
        found["webhook"] = _webhook(settings.alert_webhook_url.get_secret_value())
    if settings.alert_smtp_url is not None and settings.alert_email_to:
        found["email"] = _email(settings)
    return found


def _slack(url: str) -> Channel:
    """Slack's incoming webhooks take `{"text"}`; Mattermost and Discord (at `/slack`) take the same."""
    return lambda message: _post("slack", url, {"text": message.text})


def _webhook(url: str) -> Channel:
    def send(message: Message) -> None:
        incident = message.incident
        body = {
            "change": message.change,
            "source": incident.source,
            "key": incident.key,
            "severity": incident.severity,
            "title": incident.title,
            "way_out": incident.way_out,
            "since": message.since.isoformat(),
        }
        _post("webhook", url, body)

    return send


def _post(channel: str, url: str, body: dict[str, str]) -> None:
    try:
        answer = requests.post(url, json=body, timeout=_TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:  # its text holds the URL
        raise NotDelivered(f"{channel}: {type(error).__name__}") from None
    if not 200 <= answer.status_code < 300:
        raise NotDelivered(f"{channel}: status {answer.status_code}")


def _email(settings: Settings) -> Channel:
    """`smtps://` from the start, `smtp://` with STARTTLS where the server offers it; a password never goes plain."""
    assert settings.alert_smtp_url is not None
    server = urlsplit(settings.alert_smtp_url.get_secret_value())
    host, is_tls = server.hostname or "", server.scheme == "smtps"
    sender = settings.alert_email_from or f"fit-platform@{host}"

    def send(message: Message) -> None:
        mail = EmailMessage()
        mail["Subject"] = f"fit-platform: {message.text.splitlines()[0]}"[:200]
        mail["From"], mail["To"] = sender, settings.alert_email_to
        mail.set_content(message.text + "\n")
        context = ssl.create_default_context()
        try:
            with (
                smtplib.SMTP_SSL(host, server.port or 465, timeout=_TIMEOUT_S, context=context)
                if is_tls
                else smtplib.SMTP(host, server.port or 587, timeout=_TIMEOUT_S)
            ) as smtp:
                smtp.ehlo()
                is_private = is_tls or host in _LOOPBACK
                if not is_tls and smtp.has_extn("starttls"):
                    smtp.starttls(context=context)
                    is_private = True
                if server.username:
                    if not is_private:
                        raise NotDelivered("email: the server offers no TLS, so the password was not sent")
                    smtp.login(unquote(server.username), unquote(server.password or ""))
                smtp.send_message(mail)
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(f"email: {type(error).__name__}") from None

    return send
