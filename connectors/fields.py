"""A model field for secrets: sealed in the database, opened only on request.

What the attribute gives is a `Sealed`, which shows nothing of itself: a page, a
log line, an export or an exception that gets hold of one has nothing to leak.
"""

import json
from typing import TYPE_CHECKING, Any, NoReturn, Self
from uuid import UUID

import structlog
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from connectors import encryption
from connectors.encryption import DecryptionError
from connectors.errors import SecretUnreadable

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.expressions import Expression

    Base = models.Field["dict[str, Any] | Sealed | None", "Sealed | None"]
else:
    Base = models.Field

type Context = tuple[str, ...]

log = structlog.get_logger(__name__)


class Sealed:
    """A secret as it is stored; `open()` is the only way in. Immutable."""

    __slots__ = ("_context", "_plain", "_text")

    def __init__(
        self,
        *,
        text: str = "",
        plain: bytes | None = None,
        context: Context | None = None,
    ) -> None:
        # `plain` is set between assignment and save, `text` otherwise.
        self._text = text
        self._plain = plain
        self._context = context

    def open(self) -> dict[str, Any]:
        """Return the secret.

        Raises:
            SecretUnreadable: SECRET_UNREADABLE, whatever the reason.
        """
        try:
            data = json.loads(self._unseal())
        except (DecryptionError, ValueError):
            data = None
        if not isinstance(data, dict):
            field, _, owner = self._context or ("", "", "0")
            log.warning("secret.unreadable", field=field, user_id=int(owner))
            raise SecretUnreadable
        return data

    # A template that names it gets nothing: the engine calls what it finds.
    open.alters_data = True  # type: ignore[attr-defined]

    @property
    def kid(self) -> str:
        """The id of the key it is sealed under, "" if that cannot be told."""
        if self._plain is not None:
            return encryption.primary_key_id()
        try:
            return encryption.key_id(self._text)
        except DecryptionError:
            return ""

    def bound(self, context: Context) -> Self:
        """Return it knowing where it belongs; a ciphertext that knows stays so."""
        if self._plain is None and self._context is not None:
            return self
        return type(self)(text=self._text, plain=self._plain, context=context)

    def sealed_for(self, context: Context) -> Self:
        """Return it as it is to be stored: for `context`, under the first key.

        What cannot be read is kept as it is: saving another field of the row must
        not destroy it, the key may come back.
        """
        if self._is_current(context):
            return self
        try:
            text = encryption.seal(self._unseal(), *context)
        except DecryptionError:
            text = self._text
        return type(self)(text=text, context=context)

    @property
    def text(self) -> str:
        """The ciphertext, for the database alone."""
        if self._plain is None:
            return self._text
        if self._context is None:
            raise TypeError("A secret is stored through its row: save the instance.")
        return self.sealed_for(self._context).text

    def _is_current(self, context: Context) -> bool:
        return (
            self._plain is None
            and self._context == context
            and self.kid == encryption.primary_key_id()
        )

    def _unseal(self) -> bytes:
        if self._plain is not None:
            return self._plain
        if self._context is None:
            raise TypeError("A secret is opened through its row, not by values().")
        return encryption.unseal(self._text, *self._context)

    def __repr__(self) -> str:
        return "<sealed>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A secret is not pickled: it would leave with its row.")


class SealedAttribute(DeferredAttribute):
    """Takes a dict, gives a `Sealed` that knows its row."""

    field: "EncryptedJSONField"

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if instance is None or value is None:
            return value
        bound = value.bound(self.field.context_of(instance))
        instance.__dict__[self.field.attname] = bound
        return bound

    def __set__(self, instance: models.Model, value: Any) -> None:
        if isinstance(value, dict):
            value = Sealed(plain=json.dumps(value).encode())
        elif not (value is None or isinstance(value, Sealed)):
            raise TypeError(f"{self.field.label} takes a dict or None.")
        # Remember at once where it was sealed for: the owner may change later.
        if value is not None and self.field.knows_context_of(instance):
            value = value.bound(self.field.context_of(instance))
        instance.__dict__[self.field.attname] = value


class EncryptedJSONField(Base):
    """A JSON object, sealed for this field of this row of this person.

    The model has a `vault_id` (UUID, known before the row is inserted) and may
    have a `user`. Nothing can be looked up in it but whether it is null.
    """

    descriptor_class = SealedAttribute
    empty_strings_allowed = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # No form, and so no admin page, ever has it as a widget.
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.name}"

    @property
    def owner_attname(self) -> str | None:
        """The column of the person whose row it is, if the model has one."""
        names = {field.attname for field in self.model._meta.concrete_fields}
        return "user_id" if "user_id" in names else None

    def context(self, *, vault_id: UUID | str, owner_id: int | None) -> Context:
        """Return what a ciphertext of this field is bound to."""
        return (self.label, str(UUID(str(vault_id))), str(int(owner_id or 0)))

    def context_of(self, instance: models.Model) -> Context:
        owner = getattr(instance, self.owner_attname) if self.owner_attname else 0
        vault_id: UUID = getattr(instance, "vault_id")  # noqa: B009
        return self.context(vault_id=vault_id, owner_id=owner)

    def knows_context_of(self, instance: models.Model) -> bool:
        known = instance.__dict__
        return all(known.get(name) for name in ("vault_id", self.owner_attname) if name)

    def pre_save(self, model_instance: models.Model, add: bool) -> Sealed | None:
        value: Sealed | None = getattr(model_instance, self.attname)
        if value is not None:
            value = value.sealed_for(self.context_of(model_instance))
            model_instance.__dict__[self.attname] = value
        return value

    def get_prep_value(self, value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, Sealed):
            return value.text
        raise TypeError(
            f"{self.label} is sealed for its row: assign a dict to the instance "
            "and save it; update() can only set None."
        )

    def from_db_value(
        self,
        value: str | None,
        expression: "Expression",
        connection: "BaseDatabaseWrapper",
    ) -> Sealed | None:
        return None if value is None else Sealed(text=value)

    def to_python(self, value: Any) -> Any:
        """Take what `value_to_string` gave: a dump can be loaded again."""
        return Sealed(text=value) if isinstance(value, str) else value

    def value_to_string(self, obj: models.Model) -> str:
        value = self.pre_save(obj, add=False)
        return value.text if value is not None else ""

    def get_internal_type(self) -> str:
        return "TextField"

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup("isnull") if lookup_name == "isnull" else None

    def get_transform(self, lookup_name: str) -> None:
        return None

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        return None
