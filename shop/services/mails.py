"""The texts of the mails to customers. A link has its token behind `#`: browsers send that part to no server, so it is
in no log."""

from shop.domain.accounts import REGISTRATION_LIFETIME, RESET_LIFETIME
from shop.domain.mail import Mail
from shop.domain.users import User

RESET_PATH, REGISTRATION_PATH = "/api/password-reset/", "/api/registration/"
_RESET_MINUTES = int(RESET_LIFETIME.total_seconds()) // 60
_REGISTRATION_HOURS = int(REGISTRATION_LIFETIME.total_seconds()) // 3600


def reset(user: User, origin: str, token: str) -> Mail:
    """The mail with which a user sets a new password."""
    return Mail(
        to=user.email,
        subject="Set a new password",
        text=f"""\
A new password for your account at Evergreen Stores was asked for. Set it within {_RESET_MINUTES} minutes:

{origin}{RESET_PATH}#{token}

The link works once, and signs you out everywhere. If you did not ask for it, do nothing: your password stays.
""",
    )


def registration(email: str, origin: str, token: str) -> Mail:
    """The mail with which a registration is confirmed."""
    return Mail(
        to=email,
        subject="Confirm your registration",
        text=f"""\
This address was registered at Evergreen Stores. Confirm it within {_REGISTRATION_HOURS} hours, with the
password that you chose:

{origin}{REGISTRATION_PATH}#{token}

If you did not register, do nothing: the registration ends by itself.
""",
    )


def taken(email: str, origin: str) -> Mail:
    """The mail to a user whose address was registered once more."""
    return Mail(
        to=email,
        subject="You already have an account",
        text=f"""\
This address was registered at Evergreen Stores, and you already have an account with it. Nothing was changed.

Sign in at {origin}/api/login/. If you do not know your password, ask for a new one there.

If you did not register, do nothing.
""",
    )
