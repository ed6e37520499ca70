"""The reset of a password by an operator, for the commands that offer it."""

from django.core.management import CommandError

from shop import bootstrap
from shop.domain.errors import NotFound
from shop.management.prompts import errors_as_command_errors, new_password, password_report, usable_text, write_request
from shop.services.users import user_reset_password

#: The exit status where no user has the address.
UNKNOWN = 3


def reset_password(address: str, *, is_generated: bool, as_json: bool) -> str:
    """Set a new password for the user with this address, revoke every token, and return what a command prints.

    Raises:
        CommandError.
    """
    email = usable_text("address", address)
    password = new_password(is_generated=is_generated)
    with errors_as_command_errors():
        _reset(email, password)
    sentence = f"{email} has a new password, and is signed out everywhere."
    return password_report(email, password if is_generated else "", sentence, as_json=as_json)


def _reset(email: str, password: str) -> None:
    try:
        request = write_request("reset_password")
        user_reset_password(shop=bootstrap.get_shop(), request=request, email=email, new=password)
    except NotFound:
        raise CommandError(f"No user has the address {email}.", returncode=UNKNOWN) from None
